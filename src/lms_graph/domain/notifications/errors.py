"""What can go wrong with mails."""

from lms_graph.kit.errors import DomainError


class MailRefused(DomainError):
    """It will never be taken as it is: an address that there is not, a sender that may not. Trying again would not help."""

    code = "MAIL_REFUSED"
