"""How the audit log says what a fact holds."""

# The ids in audited facts, and the prefix under which the API knows each. What stands here under none is not shown, and a test asks why.
SHOWN_AS = {
    "account_id": "prf",
    "subscription_id": "sub",
    "impersonator_id": "prf",
    "inviter_id": "prf",
    "session_id": "ses",
    "key_id": "key",
    "course_id": "crs",
    "refund_id": "rfd",
    "dispute_id": "dsp",
    "order_id": "ord",
    "checkout_id": "chk",
    "payment_id": "pay",
    "pool_id": "sea",
    "payee_id": "pye",
    "payout_id": "pot",
}
