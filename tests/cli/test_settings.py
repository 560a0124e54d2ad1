"""Settings that only make sense together."""

from unittest.mock import patch

import pytest

from lms_graph.settings import Settings


def read(environment: dict[str, str], **changes: str) -> Settings:
    others = {name: value for name, value in environment.items() if not name.startswith("LMS_MAIL")}
    with patch.dict("os.environ", others | changes, clear=True):
        return Settings.from_env()


class TestMail:
    def test_needs_a_sender(self, environment: dict[str, str]) -> None:
        with pytest.raises(SystemExit, match="LMS_MAIL_FROM") as refused:
            read(environment, LMS_MAIL_URL="smtps://u:geheim@host")

        assert "geheim" not in str(refused.value)

    @pytest.mark.parametrize("address", ["nobody", "a@b", "A <a@b.example>", "a@b.example\nBcc: c@d.example", "a@b.example, c@d.example"])
    def test_takes_one_plain_address_as_sender(self, environment: dict[str, str], address: str) -> None:
        with pytest.raises(SystemExit, match="LMS_MAIL_FROM"):
            read(environment, LMS_MAIL_URL="smtp://host", LMS_MAIL_FROM=address)

    def test_is_not_needed(self, environment: dict[str, str]) -> None:
        assert read(environment).mail_url is None
        assert read(environment, LMS_MAIL_URL="smtp://host", LMS_MAIL_FROM="a@b.example").mail_from == "a@b.example"
