"""The pages that a storefront serves for the links in mails, and their addresses."""

from urllib.parse import quote

from lms_graph.models.notifications import MailKind

# Where a mail of this kind leads.
PATHS = {
    MailKind.EMAIL_VERIFICATION: "/account/verify",
    MailKind.PASSWORD_RESET: "/account/reset",
    MailKind.EMAIL_CHANGE: "/account/email",
    MailKind.INVITATION: "/account/invitation",
    MailKind.EMAIL_CHANGE_NOTICE: "/account/sessions",
    MailKind.PASSWORD_CHANGED: "/account/forgot",
    MailKind.SIGN_IN_ALERT: "/account/sessions",
    MailKind.APPLICATION_APPROVED: "/teach",
}


def address(home: str, kind: MailKind, token: str | None = None) -> str | None:
    """The address of the page below the storefront at `home`; None for mails that lead nowhere."""
    path = PATHS.get(kind)
    if path is None:
        return None
    return f"{home}{path}?token={quote(token, safe='')}" if token else f"{home}{path}"
