"""API keys by their letters, and masks."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_graph.domain.identity.operations.keys import CreatedKey
from lms_graph.domain.identity.rules.keys import PREFIXES, is_spelled_right, kind_of, new_key, rights_of_key
from lms_graph.kit.ids import new_id
from lms_graph.kit.permissions import Permission
from lms_graph.models.identity import ApiKeyKind
from lms_graph.types.personal import masked_email


@pytest.mark.parametrize("kind", ApiKeyKind)
class TestSpelling:
    def test_of_a_new_key_is_right_and_says_its_kind(self, kind: ApiKeyKind) -> None:
        made = {new_key(kind) for _ in range(100)}

        assert len(made) == 100
        for key in made:
            assert re.fullmatch(r"lms_[sp]k_[0-9A-Za-z]{40}_[0-9A-Za-z]{6}", key)
            assert (is_spelled_right(key), kind_of(key)) == (True, kind)

    def test_of_any_other_letter_is_wrong(self, kind: ApiKeyKind) -> None:
        key = new_key(kind)

        for place in range(len(key)):
            for letter in (set(string.ascii_letters + string.digits + "_") - {key[place]}) | {"é", "\ud800", ""}:
                assert not is_spelled_right(key[:place] + letter + key[place + 1 :]), (place, letter)


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    for prefix in ("", *PREFIXES.values()):
        assert not is_spelled_right(prefix + text)


@given(st.sets(st.sampled_from(list(Permission))), st.sets(st.sampled_from(list(Permission))))
def test_a_key_never_does_more_than_scopes_and_maker_allow(scopes: set[Permission], maker: set[Permission]) -> None:
    assert rights_of_key([scope.value for scope in scopes] + ["UNKNOWN"], maker) == scopes & maker


def test_a_new_key_does_not_show_its_secret_by_accident() -> None:
    assert "hush" not in repr(CreatedKey(id=new_id(), secret="hush"))


@pytest.mark.parametrize(
    ("email", "masked"), [("ada@example.com", "a•••@e•••.com"), ("a@b.c.example", "a•••@b•••.example"), ("x@localhost", "x•••@l•••"), ("é@ü.de", "é•••@ü•••.de")]
)
def test_a_masked_address_keeps_its_shape(email: str, masked: str) -> None:
    assert masked_email(email) == masked
