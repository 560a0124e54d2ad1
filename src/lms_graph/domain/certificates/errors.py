"""What can go wrong with certificates."""

from lms_graph.kit.errors import Conflict


class NotGenuine(Conflict):
    """The record and its signature do not agree: somebody changed one of them in the database."""
