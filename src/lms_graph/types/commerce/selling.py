"""How a school sells."""

from decimal import Decimal
from typing import Any, Self
from uuid import UUID

import strawberry

from lms_graph.domain.commerce.rules.offers import TaxRateDraft
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import public_id
from lms_graph.models import commerce as rows
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.nodes import Node, child, decode_id

TaxMode = described(
    rows.TaxMode,
    "TaxMode",
    "Where tax comes from.",
    NONE="There is none.",
    RATES="From `taxRates`, the school's own, by where the buyer is.",
    PROVIDER="From the payment provider, by where the buyer is and by the offers' tax codes.",
)


@strawberry.type(description="Who sells, as invoices say it.")
class Seller:
    name: str | None = strawberry.field(description="At most 200 characters.")
    address: str | None = strawberry.field(description="At most 500 characters, in lines.")
    country: str | None = strawberry.field(description="Two letters by ISO 3166; where the buyer is taken to be when nothing is known of them.")
    tax_id: str | None = strawberry.field(description="At most 40 characters.")


@strawberry.type(description="How the school sells. Who holds OFFERS_MANAGE.")
class CommerceSettings:
    tax_mode: TaxMode = strawberry.field(description="Where tax comes from.")
    prices_include_tax: bool = strawberry.field(description="Whether prices have tax in them, or it comes on top.")
    seller: Seller = strawberry.field(description="Who sells.")
    grace_days: int = strawberry.field(description="How long what a plan opens stays open after a payment has failed: 0 to 60 days.")

    @classmethod
    def from_selling(cls, selling: Any) -> Self:
        seller = Seller(**{name: selling.seller.get(name) for name in ("name", "address", "country", "tax_id")})
        return cls(tax_mode=selling.tax_mode, prices_include_tax=selling.prices_include_tax, seller=seller, grace_days=selling.grace_days)


@strawberry.type(description="A tax rate of the school's own. Who holds OFFERS_MANAGE.")
class TaxRate(Node):
    country: str = strawberry.field(description="Two letters by ISO 3166.")
    region: str | None = strawberry.field(description="A part of it, as after the hyphen in ISO 3166-2; null for the country where no region has a rate of its own.")
    name: str = strawberry.field(description="What invoices call it, such as `VAT`: 1 to 60 characters.")
    percent: Decimal = strawberry.field(description="0 to 100, with four decimals.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(id=strawberry.ID(public_id("txr", row["id"])), country=row["country"], region=row["region"], name=row["name"], percent=Decimal(row["rate_ppm"]).scaleb(-4))


@strawberry.input(description="Who sells. What is left out stays as it is; null takes it away.")
class SellerInput:
    name: strawberry.Maybe[str | None] = strawberry.field(default=None, description="At most 200 characters.")
    address: strawberry.Maybe[str | None] = strawberry.field(default=None, description="At most 500 characters, in lines.")
    country: strawberry.Maybe[str | None] = strawberry.field(default=None, description="Two letters by ISO 3166, in capitals.")
    tax_id: strawberry.Maybe[str | None] = strawberry.field(default=None, description="At most 40 characters.")


@strawberry.input(description="What changes of how the school sells, for what is sold from now on. What is left out stays as it is.")
class CommerceSettingsSetInput:
    tax_mode: strawberry.Maybe[TaxMode | None] = strawberry.field(default=None, description="Where tax comes from.")
    prices_include_tax: strawberry.Maybe[bool | None] = strawberry.field(default=None, description="Whether prices have tax in them.")
    seller: strawberry.Maybe[SellerInput | None] = strawberry.field(default=None, description="Who sells.")
    grace_days: strawberry.Maybe[int | None] = strawberry.field(default=None, description="0 to 60 days.")

    def as_arguments(self) -> dict[str, Any]:
        """Raises Invalid for a null."""
        given = {"tax_mode": self.tax_mode, "prices_include_tax": self.prices_include_tax, "seller": self.seller, "grace_days": self.grace_days}
        paths = {"tax_mode": "taxMode", "prices_include_tax": "pricesIncludeTax", "grace_days": "graceDays"}
        if nulls := [Issue("This cannot be null. Leave it out to keep it as it is.", (paths.get(name, name),)) for name, some in given.items() if some and some.value is None]:
            raise Invalid(*nulls)
        changes: dict[str, Any] = {name: some.value for name, some in given.items() if some}
        if seller := changes.get("seller"):
            parts = {"name": seller.name, "address": seller.address, "country": seller.country, "tax_id": seller.tax_id}
            changes["seller"] = {name: some.value for name, some in parts.items() if some}
        return {"changes": changes}


@strawberry.type(description="What `commerceSettingsSet` answers.")
class CommerceSettingsSetPayload(Payload):
    tenant_id: strawberry.Private[UUID | None] = None
    settings: CommerceSettings | None = child("commerce.settings", key="tenant_id", description="The settings as they are now.")


@strawberry.input(description="The tax rate of a country, or of a region of one.")
class TaxRateSaveInput:
    country: str = strawberry.field(description="Two letters by ISO 3166, in capitals.")
    region: str | None = strawberry.field(default=None, description="A part of it, as after the hyphen in ISO 3166-2, such as `CA`; left out for the whole country.")
    name: str = strawberry.field(description="What invoices call it, such as `VAT`: one line of 1 to 60 characters.")
    percent: Decimal = strawberry.field(description='0 to 100, with at most four decimals, such as "19" or "8.875".')

    def as_arguments(self) -> dict[str, Any]:
        return {"draft": TaxRateDraft(country=self.country, region=self.region, name=self.name, percent=self.percent)}


@strawberry.type(description="What `taxRateSave` answers.")
class TaxRateSavePayload(Payload):
    rate_id: strawberry.Private[UUID | None] = None
    tax_rate: TaxRate | None = child("commerce.tax_rate", key="rate_id", description="The rate as it is now.")


@strawberry.input(description="Which tax rate goes.")
class TaxRateDeleteInput:
    id: strawberry.ID = strawberry.field(description="The rate.")

    def as_arguments(self) -> dict[str, Any]:
        return {"rate_id": decode_id(self.id, "txr", path="id")}


@strawberry.type(description="What `taxRateDelete` answers.")
class TaxRateDeletePayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(default=None, description="The id of the rate that is gone.")
