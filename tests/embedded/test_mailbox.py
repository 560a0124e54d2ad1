import smtplib
from email.message import EmailMessage

import pytest

from lms_graph.embedded import mailbox
from lms_graph.embedded.doctor import doctor
from lms_graph.embedded.processes import free_port
from tests.embedded.test_doctor import findings


def send(url, subject):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@school.example", "b@school.example", subject
    mail.set_content("x")
    host, port = url.removeprefix("smtp://").removesuffix("?tls=none").split(":")
    with smtplib.SMTP(host, int(port)) as server:
        server.send_message(mail)


class TestMailbox:
    def test_keeps_the_newest_mails_as_files_of_ours_alone(self, tmp_path, monkeypatch):
        monkeypatch.setattr(mailbox, "KEPT", 3)

        with mailbox.mailbox(tmp_path / "mail") as settings:
            for number in range(5):
                send(settings["LMS_MAIL_URL"], f"Mail {number}")

        kept = [path.read_text() for path in sorted((tmp_path / "mail").iterdir())]
        assert [next(line for line in text.splitlines() if line.startswith("Subject")) for text in kept] == [f"Subject: Mail {number}" for number in (2, 3, 4)]
        assert (tmp_path / "mail").stat().st_mode & 0o777 == 0o700
        with pytest.raises(OSError, match="refused"):
            send(settings["LMS_MAIL_URL"], "too late")


class TestDoctorOfMail:
    def test_finds_the_server_in_order_and_sends_nothing(self, capsys, tmp_path):
        with mailbox.mailbox(tmp_path / "mail") as settings:
            code = doctor(settings, only=["mail"])

        verdict, said = findings(capsys)["mail"]
        assert (code, verdict) == (0, "ok")
        assert said.startswith("SMTP server at 127.0.0.1:")
        assert list((tmp_path / "mail").iterdir()) == []

    def test_warns_where_none_is_set(self, capsys):
        code = doctor({}, only=["mail"])

        verdict, said = findings(capsys)["mail"]
        assert (code, verdict) == (0, "warn")
        assert "mails wait" in said

    @pytest.mark.parametrize(
        ("settings", "says"),
        [
            ({"LMS_MAIL_URL": "smtp://127.0.0.1:{port}?tls=none", "LMS_MAIL_FROM": "a@b.example"}, "does not answer"),
            ({"LMS_MAIL_URL": "resend://re_x@127.0.0.1:{port}?tls=none", "LMS_MAIL_FROM": "a@b.example"}, "does not answer"),
            ({"LMS_MAIL_URL": "http://x", "LMS_MAIL_FROM": "a@b.example"}, "LMS_MAIL_URL is not an address"),
            ({"LMS_MAIL_URL": "smtp://127.0.0.1:{port}?tls=none"}, "LMS_MAIL_FROM is not set"),
        ],
    )
    def test_fails_with_what_is_wrong(self, capsys, settings, says):
        code = doctor({name: value.format(port=free_port()) for name, value in settings.items()}, only=["mail"])

        verdict, said = findings(capsys)["mail"]
        assert (code, verdict) == (1, "fail")
        assert says in said
