"""What every table has in common."""

from typing import Any, Self

from tortoise import fields
from tortoise.models import Model, ModelMeta
from tortoise.queryset import QuerySet

from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id


class _Uncommented(ModelMeta):
    """Tortoise looks through the source of each model for comments on its columns, which takes half of the time in which a process starts. There are none."""

    def __new__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> "_Uncommented":
        return super().__new__(cls, name, bases, {**attributes, "_no_comments": True})


class TenantRow(Model, metaclass=_Uncommented):
    """A row of one tenant. The key in the database is `(tenant_id, id)`; row policies hide other tenants' rows."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    tenant_id = fields.UUIDField()

    class Meta:
        abstract = True

    @classmethod
    def for_caller(cls, caller: Caller, **conditions: Any) -> QuerySet[Self]:
        """The rows of the caller's tenant: every query on a model starts here. The row policy is the second wall."""
        return cls.filter(tenant_id=caller.tenant_id, **conditions)


class MultirangeField(fields.Field[Any]):
    """A PostgreSQL multirange (`int4multirange`, `int8multirange`). Read and written in SQL only."""

    def __init__(self, kind: str = "int4multirange", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind

    @property
    def SQL_TYPE(self) -> str:  # type: ignore[override]  # noqa: N802  # Tortoise's name
        return self.kind.upper()


class TextArrayField(fields.Field[list[str]], list):  # type: ignore[type-arg]
    """A PostgreSQL `text[]`."""

    SQL_TYPE = "TEXT[]"
