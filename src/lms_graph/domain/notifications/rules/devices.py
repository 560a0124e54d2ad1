"""Where somebody signed in from, in words that a person knows: roughly, for the rest would tell more than it helps."""

from ipaddress import IPv4Address, ip_address

# The first that is found: many say that they are others too.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "CrOS": "ChromeOS", "Macintosh": "Mac", "Linux": "Linux"}


def device(user_agent: str | None) -> str | None:
    """`Firefox, Windows`; None where nothing is known of it. Made of our own words only: what a client says of itself is not repeated."""
    found = [next((name for sign, name in signs.items() if sign in (user_agent or "")), None) for signs in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, found)) or None


def network(address: str | None) -> str | None:
    """The first three numbers of an IPv4 address, the first three groups of an IPv6 one; None where there is none."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return None
    if not isinstance(parsed, IPv4Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, IPv4Address):
        return ".".join(str(parsed).split(".")[:3]) + ".*"
    return ":".join(group.lstrip("0") or "0" for group in parsed.exploded.split(":")[:3]) + ":*"
