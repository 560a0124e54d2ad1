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


class PasswordWrong(DomainError):
    """Asked again of somebody who is signed in; also for an account that has no password."""

    code = "CREDENTIALS_WRONG"

    def __init__(self, field: str) -> None:
        super().__init__("This is not the account's password. Somebody who has none, or forgot it, gets a link by `passwordResetRequest`.", path=(field,))


class SignInTooOld(DomainError):
    """An account without a password proves by a fresh sign-in that it is still they."""

    code = "SIGN_IN_AGAIN"

    def __init__(self) -> None:
        super().__init__("This account has no password to ask for. Sign in again, then repeat this within ten minutes.")


class SecondFactorTokenInvalid(DomainError):
    """One message for a token that is unknown, used, expired, tried too often or sent from another network."""

    code = "TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__("The second factor came too late, after too many wrong ones, or from another network. Sign in again.", path=("secondFactorToken",))


class CodeWrong(DomainError):
    """One message for a wrong code, one that was used, and one of another time."""

    code = "CODE_WRONG"

    def __init__(self, field: str = "code") -> None:
        super().__init__("This code is wrong or was used. Wait for the app's next one; if none fits, set the device's clock.", path=(field,))


class LinkInvalid(DomainError):
    """One message for a link that is misspelled, used, expired, replaced by a newer one or another school's."""

    code = "LINK_INVALID"

    def __init__(self) -> None:
        super().__init__("This link is no longer good: it was used, a newer one was asked for, or its time is over. Ask for a new one.", path=("token",))


class SlugTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("Another instructor's page has this slug. Choose another.", path=("slug",))


class ProviderTokenInvalid(DomainError):
    """A provider's token is not believed. The message says why; nothing in it is the token's."""

    code = "TOKEN_INVALID"

    def __init__(self, why: str) -> None:
        super().__init__(f"The provider's token was not taken. {why}", path=("token",))


class ProviderUnreachable(DomainError):
    """What a provider must publish could not be read, when an administrator sets it."""

    code = "PROVIDER_UNREACHABLE"

    def __init__(self, why: str, *, path: tuple[str, ...]) -> None:
        super().__init__(f"The provider's keys could not be read, so nothing was changed. {why}", path=path)


class SignInExpired(DomainError):
    """One error for a state that is unknown, used, too old or another redirect's, and for a code that the provider does not take."""

    code = "SIGN_IN_EXPIRED"

    def __init__(self, why: str = "") -> None:
        super().__init__(f"This sign-in is no longer good. Start again with `providerSignInStart`. {why}".strip())


class AccountExists(Conflict):
    """An account has the address, and nobody has shown that it is the same person's."""

    code = "ACCOUNT_EXISTS"

    def __init__(self) -> None:
        super().__init__("An account with this address exists. Sign in to it as before, verify its address, and link the provider with `externalIdentityLink`.")


class AccountClosed(DomainError):
    code = "ACCOUNT_CLOSED"

    def __init__(self) -> None:
        super().__init__("This account is closed. The school can open it again.")


class EmailMissing(DomainError):
    code = "EMAIL_MISSING"

    def __init__(self) -> None:
        super().__init__("The provider gives no e-mail address that could be an account's. Let its tokens carry `email` and `email_verified`, or verify the address there.")


class IdentityTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("This identity opens another account of the school. Sign in with it to use that one.")


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
