"""What an address, a name and a password must be."""

import pytest

from lms_graph.domain.identity.rules import accounts as rules


def paths(**differs: str) -> list[str]:
    given = {"email": "ada@example.com", "name": "Ada", "password": "a quiet blue harbour"} | differs
    return [issue.path[0] for issue in rules.issues_with_account(**given)]


@pytest.mark.parametrize(
    "email",
    ["ada@example.com", "a.b+c@x.y.example.co.uk", "o'brien@example.com", "ada_1-2@ex-ample.com", "josé@exämple.de", "用户@例子.公司", f"{'a' * 64}@example.com"],
)
def test_takes_addresses(email: str) -> None:
    assert paths(email=email) == []


@pytest.mark.parametrize(
    "email",
    [
        "", "ada", "@example.com", "ada@", "ada@localhost", "a@b@example.com", "a b@example.com", ".ada@example.com", "ada.@example.com", "a..b@example.com",
        "ada@-example.com", "ada@example-.com", "ada@exa_mple.com", "ada@example..com", "ada@.com", "ada@example.com.", "ada@[127.0.0.1]", "Ada <ada@example.com>",
        "ada@example.com\nBcc: eve@example.com", "ada\0@example.com", "ada\ud800@example.com", "ada\u202e@example.com", f"{'a' * 65}@example.com",
        f"ada@{'a' * 64}.com", f"ada@{'.'.join(['a' * 60] * 5)}.com", f"{'ß' * 64}@{'.'.join(['b' * 60] * 3)}.com",
    ],
)  # fmt: skip
def test_refuses_what_is_no_address(email: str) -> None:
    assert paths(email=rules.clean_email(email)) == ["email"]


def test_a_full_width_address_is_the_same_address() -> None:
    assert rules.clean_email(" ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ ") == "ada@example.com"


@pytest.mark.parametrize("password", ["ten letter", "x1" * 64, "пароль пароль", "🐎🔋📎🐎🔋📎🐎🔋📎!"])
def test_takes_passwords(password: str) -> None:
    assert paths(password=password) == []


@pytest.mark.parametrize("password", ["", "nine char", "x1" * 64 + "y", "qwertyuiop", "PASSWORD123", "zzzzzzzzzzzzzz", "ada@example.com", "ADA@example.COM"])
def test_refuses_short_long_common_and_telling_passwords(password: str) -> None:
    assert set(paths(password=password)) == {"password"}


def test_the_local_part_is_no_password() -> None:
    assert paths(email="ada-lovelace@example.com", password="ada-lovelace") == ["password"]


@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb", "a\0b", "a\u2028b", "a\u202eb", "\ud800"])
def test_refuses_what_is_no_name(name: str) -> None:
    assert paths(name=name) == ["name"]


@pytest.mark.parametrize("name", ["X", "Ada Lovelace", "María-José O’Neill", "山田 太郎", "عائشة", "x" * 200])
def test_takes_names(name: str) -> None:
    assert paths(name=name) == []
