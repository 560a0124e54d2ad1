"""Every job module, imported so that its jobs are known to `runtime.JOBS`. Whoever runs jobs imports this."""

from lms_graph.jobs import catalog, certificates, commerce, community, identity, learning, notifications, payouts, plans  # noqa: F401
