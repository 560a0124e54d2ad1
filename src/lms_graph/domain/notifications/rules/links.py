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
    MailKind.ENROLLMENT: "/courses",
    MailKind.RECEIPT: "/account/orders",
    MailKind.PURCHASE_CLAIM: "/account/claim",
    MailKind.PAYMENT_FAILED: "/account/plans",
    MailKind.REFUND: "/account/orders",
    MailKind.PAYOUT: "/teach/earnings",
    MailKind.SEAT: "/redeem",
}


def address(home: str, kind: MailKind, token: str | None = None, *, below: str | None = None) -> str | None:
    """The address of the page below the storefront at `home`, and of what is `below` that; None for mails that lead nowhere."""
    path = PATHS.get(kind)
    if path is None:
        return None
    path += f"/{quote(below, safe='')}" if below else ""
    return f"{home}{path}?token={quote(token, safe='')}" if token else f"{home}{path}"
