"""What can go wrong with tenants and their domains."""

from lms_graph.kit.errors import Conflict


class SlugTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("Another school has this slug. Choose another.", path=("slug",))


class CurrencySettled(Conflict):
    """Prices, payouts and books are kept in it."""

    def __init__(self) -> None:
        super().__init__("Something was sold, or is being bought: the currency is settled with the first sale.", path=("currency",))


class PlatformStands(Conflict):
    """The platform's own tenant is not suspended, and there is no second one."""


class DomainTaken(Conflict):
    """Another tenant has proven the host first, and has it still."""

    code = "DOMAIN_TAKEN"

    def __init__(self) -> None:
        super().__init__("Another school has this host. It becomes free when that school removes it, or seven days after that school's TXT record is gone.")


class DomainUnproven(Conflict):
    """DNS answers, and the proof is not in what it says."""

    code = "DOMAIN_UNPROVEN"

    def __init__(self, *, name: str, found: int) -> None:
        seen = f"has {found} other TXT record{'s' if found > 1 else ''}" if found else "has no TXT record"
        super().__init__(f"`{name}` {seen}, but not the one in `dnsRecords`. A new record can take a while to be seen everywhere: verify again later.")
