"""How often somebody may try what can be guessed or made in masses, and to whom an attempt counts.

Whom a refusal hits:

- A guess at a password counts to the address it names together with the network it comes from, to that address alone, and to the network. An address that nobody has is
  counted like any other, so that a limit tells nothing.
- *A stranger must not be able to lock somebody out.* Who comes from a network from which the account was used in the last 90 days is not counted to the address
  alone: theirs is the bucket of address and network. Whoever is kept out all the same gets in by a link from `passwordResetRequest`, and sessions that are open go on.
- What turns out to be right is given back, so that a class behind one address is kept out by its guesses and not by its number.

Networks are counted per school: what happens at one keeps nobody out of another.
"""

from lms_graph.kit.caller import Caller
from lms_graph.kit.text import email_key
from lms_graph.kit.throttle import Bucket, Limit, network_of

PASSWORD_OF_ADDRESS_FROM_NETWORK = Limit("password-pair", at_once=10, every=360)
PASSWORD_OF_ADDRESS = Limit("password-address", at_once=30, every=120)
PASSWORD_FROM_NETWORK = Limit("password-network", at_once=100, every=36)

SIGN_UP_FROM_NETWORK = Limit("sign-up-network", at_once=300, every=10)
TAKEN_FROM_NETWORK = Limit("sign-up-taken", at_once=60, every=60)

MAIL_TO_ADDRESS_FROM_NETWORK = Limit("mail-pair", at_once=4, every=900)
MAIL_TO_ADDRESS = Limit("mail-address", at_once=8, every=600)
MAIL_FROM_NETWORK = Limit("mail-network", at_once=60, every=30)

LINK_FROM_NETWORK = Limit("link-network", at_once=60, every=2)
REFRESH_FROM_NETWORK = Limit("refresh-network", at_once=60, every=1)
SECOND_FACTOR_FROM_NETWORK = Limit("second-factor-network", at_once=60, every=10)

PROVIDER_FROM_NETWORK = Limit("provider-network", at_once=60, every=5)  # sign-ins by way of another party: begun, and brought back wrong
INVITATION_OF_SCHOOL = Limit("invitation-school", at_once=1_000, every=5)

SECOND_FACTOR_OF_ACCOUNT = Limit("second-factor-account", at_once=10, every=600)
PASSWORD_OF_ACCOUNT = Limit("password-account", at_once=10, every=360)  # asked again of somebody who is signed in


def password_guess(caller: Caller, email: str, *, is_known_network: bool) -> tuple[Bucket, ...]:
    """What a sign-in takes from."""
    network = network_of(caller.address)
    pair = PASSWORD_OF_ADDRESS_FROM_NETWORK.of(caller.tenant_id, email_key(email), network)
    of_all = () if is_known_network else (PASSWORD_OF_ADDRESS.of(caller.tenant_id, email_key(email)),)
    return pair, *of_all, PASSWORD_FROM_NETWORK.of(caller.tenant_id, network)


def password_pair(caller: Caller, email: str) -> Bucket:
    """What a right password fills again."""
    return PASSWORD_OF_ADDRESS_FROM_NETWORK.of(caller.tenant_id, email_key(email), network_of(caller.address))


def password_of_everybody(caller: Caller, email: str) -> Bucket:
    """What a followed link from the account's mail fills again."""
    return PASSWORD_OF_ADDRESS.of(caller.tenant_id, email_key(email))


def sign_up(caller: Caller) -> tuple[Bucket, Bucket]:
    """What a sign-up takes from; the second is given back unless it was told that the address is taken."""
    return from_network(SIGN_UP_FROM_NETWORK, caller), from_network(TAKEN_FROM_NETWORK, caller)


def mail_to(caller: Caller, email: str, kind: str) -> tuple[Bucket, ...]:
    """What asking for a mail to an address takes from, whoever asks and whether or not somebody has it. Each kind of mail by itself: one that is not sent must not keep another from being sent."""
    network = network_of(caller.address)
    pair = MAIL_TO_ADDRESS_FROM_NETWORK.of(caller.tenant_id, email_key(email), network, kind)
    return pair, MAIL_TO_ADDRESS.of(caller.tenant_id, email_key(email), kind), MAIL_FROM_NETWORK.of(caller.tenant_id, network)


def invitation(caller: Caller) -> Bucket:
    """What each mail with an invitation takes from: nobody mails strangers through a school without end."""
    return INVITATION_OF_SCHOOL.of(caller.tenant_id)


def from_network(limit: Limit, caller: Caller) -> Bucket:
    return limit.of(caller.tenant_id, network_of(caller.address))


def of_account(limit: Limit, caller: Caller, account_id: object) -> Bucket:
    return limit.of(caller.tenant_id, account_id)
