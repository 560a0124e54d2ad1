"""What can go wrong with accounts, sessions and instructors' pages."""

from lms_graph.kit.errors import Conflict, DomainError


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
