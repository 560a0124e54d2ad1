"""Erasing who bought from sales."""

from typing import Any

import strawberry

from lms_graph.types.errors import Payload
from lms_graph.types.nodes import decode_id


@strawberry.input(description="Who is erased: a member, or whoever has an address; one of them.")
class BuyerEraseInput:
    member_id: strawberry.ID | None = strawberry.field(default=None, description="A member, with all that was bought by their account or under its address.")
    email: str | None = strawberry.field(default=None, description="An address under which guests bought, or were given something; an account that has it is meant too.")
    idempotency_key: str = strawberry.field(description="1 to 255 characters, new for each erasing that is meant.")

    def as_arguments(self) -> dict[str, Any]:
        return {
            "account_id": decode_id(self.member_id, "mbr", path="memberId") if self.member_id is not None else None,
            "email": self.email,
            "idempotency_key": self.idempotency_key,
        }


@strawberry.type(description="What `buyerErase` answers.")
class BuyerErasePayload(Payload):
    erased: bool | None = strawberry.field(default=None, description="True: nothing in sales names them any more, but invoices and credit notes that were issued to them.")
