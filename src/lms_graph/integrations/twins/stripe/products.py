"""Products and prices, also those that a request brings along as `price_data`."""

from typing import TYPE_CHECKING, Any

from lms_graph.integrations.twins.stripe import currencies
from lms_graph.integrations.twins.stripe.errors import invalid, missing
from lms_graph.integrations.twins.stripe.forms import Params
from lms_graph.integrations.twins.stripe.objects import Object, Owner, fresh, page

if TYPE_CHECKING:
    from lms_graph.integrations.twins.stripe.twin import Call, StripeTwin

PRODUCT = "id name active description metadata images tax_code url unit_label statement_descriptor shippable"
COUPON = "id amount_off percent_off currency duration duration_in_months max_redemptions metadata name redeem_by"
PRICE = "active billing_scheme currency lookup_key metadata nickname product product_data recurring tax_behavior unit_amount"


class Products:
    def __init__(self, twin: "StripeTwin") -> None:
        self._twin = twin
        self._store = twin.store

    def routes(self) -> list[tuple[str, str, Any, str]]:
        return [
            ("POST", "/v1/products", self._create_product, PRODUCT),
            ("GET", "/v1/products", self._list_products, "active ids created limit starting_after ending_before"),
            ("GET", "/v1/products/{id}", lambda call: self._store.get("product", call.path["id"], call.owner), ""),
            ("POST", "/v1/products/{id}", self._update_product, PRODUCT),
            ("POST", "/v1/prices", self._create_price, PRICE),
            ("GET", "/v1/prices", self._list_prices, "active product currency lookup_keys type created limit starting_after ending_before"),
            ("GET", "/v1/prices/{id}", lambda call: self._store.get("price", call.path["id"], call.owner), ""),
            ("POST", "/v1/coupons", self._create_coupon, COUPON),
            ("GET", "/v1/coupons/{id}", lambda call: self._store.get("coupon", call.path["id"], call.owner, "coupon"), ""),
            ("POST", "/v1/prices/{id}", self._update_price, "active metadata nickname lookup_key tax_behavior"),
        ]

    def coupon_of(self, asked: Params, owner: Owner, currency: str) -> Object | None:
        """The coupon that `discounts` names, if it may be used."""
        rows = asked.rows("discounts") if "discounts" in asked else []
        if len(rows) > 1:
            raise invalid("You can only apply one coupon or promotion code.", "discounts")
        if not rows:
            return None
        coupon = self._store.get("coupon", rows[0].needed("coupon"), owner, rows[0].at("coupon"))
        if not coupon["valid"]:
            raise invalid(f"Coupon {coupon['id']} is used up.", rows[0].at("coupon"), "coupon_expired")
        if coupon["currency"] not in (None, currency):
            raise invalid(f"The currency of coupon {coupon['id']} is {coupon['currency']}, not {currency}.", rows[0].at("coupon"))
        return coupon

    def redeem(self, coupon: Object) -> None:
        coupon["times_redeemed"] += 1
        coupon["valid"] = coupon["max_redemptions"] is None or coupon["times_redeemed"] < coupon["max_redemptions"]

    def _create_coupon(self, call: "Call") -> Object:
        asked = call.params
        if asked.one_of("duration", "forever once repeating", "once") != "once" or "percent_off" in asked:
            raise invalid("The twin knows amounts off once.", "duration")
        amount, currency = asked.needed_number("amount_off"), currencies.known(asked.needed("currency"))
        if amount < 1:
            raise invalid("This value must be greater than or equal to 1.", "amount_off", "parameter_invalid_integer")
        if (name := asked.text("name")) is not None and len(name) > 40:
            raise invalid("Invalid string; must be at most 40 characters", "name")
        return self._store.add(
            "coupon",
            call.owner,
            {
                "id": asked.text("id") or fresh("co", 8)[3:],
                "object": "coupon",
                "amount_off": amount,
                "created": self._twin.now(),
                "currency": currency,
                "duration": "once",
                "duration_in_months": None,
                "livemode": call.owner.livemode,
                "max_redemptions": asked.number("max_redemptions"),
                "metadata": asked.metadata(),
                "name": name,
                "percent_off": None,
                "redeem_by": None,
                "times_redeemed": 0,
                "valid": True,
            },
        )

    def price_of(self, row: Params, owner: Owner, *, quietly: bool = False) -> Object:
        """The price that a row names by `price`, or brings as `price_data`; `quietly` without keeping what it brings (previews)."""
        if id := row.text("price"):
            return self._store.get("price", id, owner, row.at("price"))
        if "price_data" not in row:
            raise missing(row.at("price"))
        data = row.inside("price_data")
        if product := data.text("product"):
            self._store.get("product", product, owner, data.at("product"))
        elif "product_data" in data:
            product = self._product(data.inside("product_data"), owner)["id"]
        else:
            raise missing(data.at("product"))
        return self._price(data, owner, product, active=False, quietly=quietly)

    def _product(self, given: Params, owner: Owner, id: str | None = None) -> Object:
        now = self._twin.now()
        return self._store.add(
            "product",
            owner,
            {
                "id": id or fresh("prod", 14),
                "object": "product",
                "active": given.flag("active", True),
                "created": now,
                "default_price": None,
                "description": given.text("description"),
                "images": given.texts("images"),
                "livemode": owner.livemode,
                "marketing_features": [],
                "metadata": given.metadata(),
                "name": given.needed("name"),
                "package_dimensions": None,
                "shippable": None,
                "statement_descriptor": given.text("statement_descriptor"),
                "tax_code": given.text("tax_code"),
                "type": "service",
                "unit_label": given.text("unit_label"),
                "updated": now,
                "url": given.text("url"),
            },
        )

    def _price(self, given: Params, owner: Owner, product: str, *, active: bool = True, quietly: bool = False) -> Object:
        currency = currencies.known(given.needed("currency"), given.at("currency"))
        amount = given.needed_number("unit_amount")
        currencies.divisible(amount, currency, given.at("unit_amount"))
        recurring = None
        if "recurring" in given:
            asked = given.inside("recurring")
            interval = asked.one_of("interval", "day week month year") or ""
            if not interval:
                raise missing(asked.at("interval"))
            recurring = {"interval": interval, "interval_count": asked.number("interval_count") or 1, "meter": None, "trial_period_days": None, "usage_type": "licensed"}
            if recurring["interval_count"] < 1:  # type: ignore[operator]
                raise invalid("Invalid interval_count: must be greater than or equal to 1", asked.at("interval_count"))
        made: Object = {
            "id": fresh("price"),
            "object": "price",
            "active": active,
            "billing_scheme": "per_unit",
            "created": self._twin.now(),
            "currency": currency,
            "custom_unit_amount": None,
            "livemode": owner.livemode,
            "lookup_key": given.text("lookup_key"),
            "metadata": given.metadata(),
            "nickname": given.text("nickname"),
            "product": product,
            "recurring": recurring,
            "tax_behavior": given.one_of("tax_behavior", "exclusive inclusive unspecified", "unspecified"),
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "recurring" if recurring else "one_time",
            "unit_amount": amount,
            "unit_amount_decimal": str(amount),
        }
        return made if quietly else self._store.add("price", owner, made)

    def _create_product(self, call: "Call") -> Object:
        id = call.params.text("id")
        if id and self._store.find("product", id):
            raise invalid(f"Product already exists with ID '{id}'.", "id", "resource_already_exists")
        made = self._product(call.params, call.owner, id)
        self._twin.events.emit("product.created", made)
        return made

    def _update_product(self, call: "Call") -> Object:
        found, asked = self._store.get("product", call.path["id"], call.owner), call.params
        found.update({name: asked.text(name) for name in ("name", "description", "tax_code", "url", "unit_label", "statement_descriptor") if name in asked})
        found.update(active=asked.flag("active", found["active"]), metadata=asked.metadata(found["metadata"]), updated=self._twin.now())
        self._twin.events.emit("product.updated", found)
        return found

    def _list_products(self, call: "Call") -> Object:
        rows = [each for each in reversed(self._store.all("product", call.owner)) if "active" not in call.params or each["active"] == call.params.flag("active")]
        return page("/v1/products", [each for each in rows if "ids" not in call.params or each["id"] in call.params.texts("ids")], call.params)

    def _create_price(self, call: "Call") -> Object:
        if product := call.params.text("product"):
            self._store.get("product", product, call.owner, "product")
        elif "product_data" in call.params:
            product = self._product(call.params.inside("product_data"), call.owner)["id"]
        else:
            raise missing("product")
        made = self._price(call.params, call.owner, product, active=call.params.flag("active", True))
        self._twin.events.emit("price.created", made)
        return made

    def _update_price(self, call: "Call") -> Object:
        found = self._store.get("price", call.path["id"], call.owner)
        found.update(active=call.params.flag("active", found["active"]), metadata=call.params.metadata(found["metadata"]))
        found.update({name: call.params.text(name) for name in ("nickname", "lookup_key", "tax_behavior") if name in call.params})
        self._twin.events.emit("price.updated", found)
        return found

    def _list_prices(self, call: "Call") -> Object:
        asked = call.params
        rows = [
            each
            for each in reversed(self._store.all("price", call.owner))
            if all(each[name] == asked.text(name) for name in ("product", "currency", "type") if name in asked)
            and ("active" not in asked or each["active"] == asked.flag("active"))
            and ("lookup_keys" not in asked or each["lookup_key"] in asked.texts("lookup_keys"))
        ]
        return page("/v1/prices", rows, asked)
