"""What tenancy needs from the world: somebody who asks DNS."""

from collections.abc import Collection
from typing import Protocol


class Dns(Protocol):
    """Asks the Domain Name System."""

    async def texts(self, name: str) -> Collection[str]:
        """The TXT records of a name, each in one piece; none where it is certain that there are none. Raises Unavailable when nobody answers, or not with sense."""
        ...
