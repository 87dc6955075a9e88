"""Which proxy leads to an API server: HTTPS_PROXY unless NO_PROXY has the server, both read as kubectl reads them.

urllib knows no networks (10.96.0.0/12), which is how a cluster's services stand in NO_PROXY; Go's clients, and so
kubectl, do (golang.org/x/net/http/httpproxy).
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from nodetally.errors import WrongUse

HINT = "write http://host:port, or http://user:password@host:port; a proxy under TLS or SOCKS is not supported"


def is_excepted(server: str, no_proxy: str) -> bool:
    """Whether an https server is reached directly: named by NO_PROXY, or on this machine.

    >>> [is_excepted("https://10.96.0.1:443", each) for each in ("10.96.0.0/12", "10.96.0.1", "10.96.0.1:80", "a.b")]
    [True, True, False, False]
    """
    url = urlsplit(server)
    host, port = url.hostname or "", url.port or 443
    address = _address(host)
    if host == "localhost" or (address and address.is_loopback):
        return True
    return any(_covers(each.strip().lower(), host, port, address) for each in no_proxy.split(","))


def checked_proxy(text: str) -> str:
    """A proxy's address with its scheme. Raises WrongUse for one that cannot be used; a password is never told."""
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "http" and parts.hostname and parts.port != 0
    except ValueError:
        raise WrongUse("the proxy's address cannot be taken apart", hint=HINT) from None
    if not usable:
        raise WrongUse(f"the proxy {parts.scheme}://{_told(parts)} cannot be used", hint=HINT)
    return url


def _told(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _covers(entry: str, host: str, port: int, address: IPv4Address | IPv6Address | None) -> bool:
    """Whether one entry of NO_PROXY names the server."""
    if entry == "*":
        return True
    try:
        if "/" in entry:
            return address is not None and address in ip_network(entry, strict=False)
        name, only = _host_and_port(entry)
    except ValueError:
        return False
    if not name or (only and only != port):
        return False
    if address:
        return _address(name) == address
    name = name.removeprefix("*")
    return host.endswith(name) if name.startswith(".") else host == name or host.endswith(f".{name}")


def _host_and_port(entry: str) -> tuple[str, int | None]:
    if entry.count(":") > 1 and not entry.startswith("["):
        return entry, None  # an IPv6 address by itself
    parts = urlsplit(f"//{entry}")
    return parts.hostname or "", parts.port


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
