"""What everybody sees alike, and may hold for a while: fields and types say it. `docs/api/caching.md` tells what follows."""

from lms_graph.limits.directives import CacheControl, CacheControlScope

PUBLIC = CacheControl(max_age=60)
"""Of a root field that answers everybody the same."""

WITHIN = CacheControl(inherit_max_age=True)
"""Of a type whose plain values depend on nobody, wherever a public field leads to it. Fields that lead to types without it are nobody else's."""

PRIVATE = CacheControl(scope=CacheControlScope.PRIVATE)
"""Of a field that depends on who asks, in a type that says WITHIN."""
