"""Who may do what about payees."""

from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotAllowed, NotFound
from lms_graph.kit.permissions import Permission


def require_may_manage_payouts(caller: Caller) -> None:
    """Raises SignedOut, NotAllowed."""
    caller.require(Permission.PAYOUTS_MANAGE)


def require_person(caller: Caller) -> None:
    """Where the school's money goes is for people to say. Raises NotAllowed for API keys."""
    if caller.key_id is not None:
        raise NotAllowed("Where the school's money goes is for its people to say, not for API keys: send the access token of who manages payouts.")


def require_own_or_managed(caller: Caller, account_id: UUID | None) -> None:
    """A payee is for the person whom it pays, and for who manages payouts. For others it is not there. Raises NotFound."""
    if not (caller.may(Permission.PAYOUTS_MANAGE) or (account_id is not None and account_id == caller.account_id)):
        raise no_payee()


def no_payee() -> NotFound:
    return NotFound("There is no such payee for you.", path=("payeeId",))
