"""What can go wrong with accounts, members, sessions and instructors' pages."""

from lms_graph.kit.errors import Conflict, DomainError, NotFound


class EmailTaken(Conflict):
    code = "EMAIL_TAKEN"

    def __init__(self) -> None:
        super().__init__("An account with this address exists. Sign in instead.", path=("email",))


class CredentialsWrong(DomainError):
    """One message for an unknown address, a wrong password, an account without one and a suspended account."""

    code = "CREDENTIALS_WRONG"

    def __init__(self) -> None:
        super().__init__("Address and password do not go together, or the account is closed.")


class TokenInvalid(DomainError):
    """One message for an unknown, expired or used refresh token and an ended session."""

    code = "TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__("The refresh token is unknown, used or expired, or its session has ended. Sign in again.", path=("refreshToken",))


class LinkInvalid(DomainError):
    """One message for a link that is misspelled, used, expired, replaced by a newer one or another school's."""

    code = "LINK_INVALID"

    def __init__(self) -> None:
        super().__init__("This link is no longer good: it was used, a newer one was asked for, or its time is over. Ask for a new one.", path=("token",))


class SlugTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("Another instructor's page has this slug. Choose another.", path=("slug",))


class MemberNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such member for you.", path=("memberId",))


class ApplicationNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such application for you.", path=("id",))


class LastAdmin(Conflict):
    """A school that nobody runs could not be mended by anybody in it."""

    code = "LAST_ADMIN"

    def __init__(self, role: str) -> None:
        super().__init__(f"This is the last active {role} here. Make somebody else one first.", path=("memberId",))


class EmailUnverified(DomainError):
    code = "EMAIL_UNVERIFIED"

    def __init__(self) -> None:
        super().__init__("Verify your e-mail address first, then do this again.")
