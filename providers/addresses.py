"""Which network addresses an outgoing call may reach. Judged on the resolved address, at connect time."""

import ipaddress
from typing import Literal

Reach = Literal["public", "private"]
"""public: the open internet only. private: also loopback and private networks (self-hosted providers, a relay)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Metadata services that do not live on a link-local address: AWS over IPv6, Alibaba Cloud, Azure, Oracle Cloud.
_METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


def refusal(text: str, reach: Reach) -> str | None:
    """Why a resolved address may not be reached, in words, or None when it may."""
    address = _innermost(ipaddress.ip_address(text.split("%")[0]))
    if address in _METADATA or address.is_link_local:
        return "it is a link-local or cloud metadata address"
    if address.is_unspecified or address.is_multicast:
        return "it is not the address of one machine"
    if reach == "private":
        return None if address.is_global or address.is_private or address.is_loopback else "it is a reserved address"
    return None if address.is_global else "it is a private or reserved address"


def is_loopback(text: str) -> bool:
    return _innermost(ipaddress.ip_address(text.split("%")[0])).is_loopback


def _innermost(address: Address) -> Address:
    """The IPv4 address inside an IPv6 form that wraps one (mapped, 6to4, Teredo, NAT64), else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address.sixtofour:
        return address.sixtofour
    if address.teredo:
        return address.teredo[1]
    if any(address in network for network in _NAT64) or (int(address) >> 32 == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
