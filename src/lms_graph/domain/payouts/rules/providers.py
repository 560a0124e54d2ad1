"""What a school's own keys look like."""

import re
from collections.abc import Iterator, Sequence

from lms_graph.kit.errors import Issue

MAX_SECRETS = 4
_KEY = re.compile(r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9_]{4,240}")
_SECRET = re.compile(r"whsec_[A-Za-z0-9_+/=]{4,240}")


def issues_with_keys(*, secret_key: str, webhook_secrets: Sequence[str]) -> Iterator[Issue]:
    if not _KEY.fullmatch(secret_key):
        yield Issue("A secret or restricted key begins with `sk_live_`, `rk_live_`, `sk_test_` or `rk_test_`.", ("secretKey",))
    if not 1 <= len(webhook_secrets) <= MAX_SECRETS:
        yield Issue(f"From 1 to {MAX_SECRETS} secrets: one per webhook endpoint, and while one is rolled the old one too.", ("webhookSecrets",))
    for place, secret in enumerate(webhook_secrets[:MAX_SECRETS]):
        if not _SECRET.fullmatch(secret):
            yield Issue("The signing secret of a webhook endpoint begins with `whsec_`.", ("webhookSecrets", str(place)))
