"""What keeps a buyer from being erased for now, and what stands where something was."""

ERASED = "Erased."
NAMED = "o.email <> '' OR o.name <> '' OR o.postal_code IS NOT NULL"
"""An order that still says who bought."""

OBSTACLES = {
    "checkout": "a checkout is open or being paid",
    "plan": "a plan goes on",
    "refund": "a refund is asked for or on its way",
    "dispute": "a payment is disputed",
    "invoice": "an invoice is being made",
}
"""By what was found: what still needs the buyer's name."""
