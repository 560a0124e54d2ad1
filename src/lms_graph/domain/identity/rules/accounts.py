"""What an address, a name and a password must be."""

import unicodedata
from collections.abc import Iterator

from lms_graph.kit.errors import Issue
from lms_graph.kit.text import MAX_EMAIL, email_key, is_email, is_one_line

MAX_NAME = 200
MIN_PASSWORD, MAX_PASSWORD = 10, 128

# The most used ones of ten characters and more in published leaks; shorter ones are refused anyway.
_COMMON = """
    1234567890 0123456789 0987654321 9876543210 1234567891 12345678910 123456789a 123456789q 1234567890a 123123123123 1231231231 1111111111 0000000000
    1212121212 1122334455 9999999999 7777777777 8888888888 5555555555 6666666666 2222222222 3333333333 4444444444 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc
    1qazxsw23edc qwertyuiop qwertyuiop123 qwerty12345 qwerty123456 qwerty1234 qwerty123! qwertyqwerty qwer123456 q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedcrfv
    asdfghjkl1 asdfghjkl123 asdfghjkl; asdfasdfasdf zxcvbnm123 zxcvbnmasdfghjkl abcdefghij abcdefghijk abc1234567 abcd123456 abcdef123456 aaaaaaaaaa
    a123456789 aa12345678 aa123456789 password12 password123 password1234 password12345 password123! passw0rd123 p@ssw0rd123 p@ssword123
    passwordpassword mypassword mypassword1 password00 password01 password11 letmein123 letmein1234 letmeinplease welcome123 welcome1234 welcome2024
    welcome2025 welcome2026 changeme123 changemenow iloveyou12 iloveyou123 iloveyou1234 iloveyouforever ilovemyself administrator admin12345
    admin123456 adminadmin administrator1 football123 baseball123 basketball superman123 spiderman123 batman1234 pokemon123 minecraft123 michael123
    jennifer123 charlie123 princess123 sunshine123 monkey1234 dragon1234 master1234 shadow1234 trustno1trustno1 unknown123 computer123 internet123
    liverpool123 manchester myspace123 linkedin123 university student123 teacher123 school1234 college123 secret1234 secretsecret testtest123
    test123456 testing123 temp123456 default123 summer2024 summer2025 summer2026 winter2024 winter2025 winter2026 spring2025 spring2026 autumn2025
    autumn2026 correcthorsebatterystaple whatever123 blink182blink182 starwars123 hello12345 hello123456 helloworld google1234 facebook123 samsung123
    alexander1 christopher elizabeth1 stephanie1 maximilian пароль1234 йцукенгшщз йцукен12345
"""
_COMMON_PASSWORDS = frozenset(_COMMON.split())


def clean_email(email: str) -> str:
    """The address as it is kept: trimmed, in the compatibility form (so that a full-width letter cannot make a second account), case as typed."""
    return unicodedata.normalize("NFKC", email).strip()


def clean_name(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def issues_with_account(*, email: str, name: str, password: str | None) -> list[Issue]:
    """Everything that is wrong with a new account's cleaned address and name, and with its password."""
    return [*issues_with_email(email), *_issues_with_name(name), *(() if password is None else issues_with_password(password, email=email))]


def issues_with_password(password: str, *, email: str) -> Iterator[Issue]:
    """A long one that is neither the account's address nor one of the commonest. No rules about kinds of characters (NIST SP 800-63B)."""
    plain = unicodedata.normalize("NFKC", password)
    key = email_key(plain)
    if not MIN_PASSWORD <= len(plain) <= MAX_PASSWORD:
        yield Issue(f"A password has from {MIN_PASSWORD} to {MAX_PASSWORD} characters.", ("password",))
    if key in (email_key(email), email_key(email).partition("@")[0]):
        yield Issue("The password must not be the address.", ("password",))
    if key in _COMMON_PASSWORDS or len(set(key)) == 1:
        yield Issue("This password is one of the first that would be guessed. Choose another.", ("password",))


def issues_with_email(email: str) -> Iterator[Issue]:
    if not is_email(email):
        yield Issue(f"This is not an e-mail address such as `ada@example.com`, of at most {MAX_EMAIL} characters.", ("email",))


def _issues_with_name(name: str) -> Iterator[Issue]:
    if not name or len(name) > MAX_NAME or not is_one_line(name):
        yield Issue(f"A name is one line of 1 to {MAX_NAME} characters.", ("name",))
