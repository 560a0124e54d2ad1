"""Facts: what happened, in the past tense, with ids and amounts only. Each area lists its own in `events.py`."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Event:
    """Subclass with `about="<field>"`: the id of the aggregate in whose sequence the fact stands.

    What changes rights or money says `audited="<prefix>"` too: it then stands in the audit log, under the public id that the aggregate has with this prefix.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    about: ClassVar[str]
    audited: ClassVar[str | None] = None

    def __init_subclass__(cls, *, about: str, version: int = 1, audited: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.name, cls.version, cls.about, cls.audited = cls.__name__, version, about, audited

    @property
    def aggregate_id(self) -> UUID:
        id: UUID = getattr(self, self.about)
        return id

    def payload(self) -> dict[str, Any]:
        """Plain JSON values by field name."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value
