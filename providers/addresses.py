"""Which network addresses an outgoing call may reach. Judged on the resolved address, at connect time."""

import ipaddress
from typing import Literal

Reach = Literal["public", "private", "plain"]
"""public: the open internet only. private: also loopback and private networks (self-hosted providers, a relay). plain:
those alone, for calls without encryption, whose key the open internet must not see."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Metadata services that do not live on a link-local address: AWS over IPv6 (instances, pods), Google Cloud over IPv6,
# Alibaba Cloud, Azure, Oracle Cloud.
_METADATA = tuple(
    ipaddress.ip_network(text)
    for text in ("fd00:ec2::/32", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# All of IPv6 that is handed out (RFC 4291 section 2.4 and the IANA registry), less a part for documentation (RFC 9637).
# Outside of it stand forms that wrap an IPv4 address at other places (64:ff9b:1::/48, ::ffff:0:a.b.c.d) and the old
# site-local networks, which Python 3.11 takes for global ones.
_INTERNET_V6 = ipaddress.IPv6Network("2000::/3")
_DOCUMENTATION_V6 = ipaddress.IPv6Network("3fff::/20")
_UNIQUE_LOCAL_V6 = ipaddress.IPv6Network("fc00::/7")
_THIS_NETWORK_V4 = ipaddress.IPv4Network("0.0.0.0/8")


def refusal(text: str, reach: Reach) -> str | None:
    """Why a resolved address may not be reached, in words, or None when it may."""
    address = _innermost(ipaddress.ip_address(text.split("%")[0]))
    if address.is_link_local or any(address in network for network in _METADATA):
        return "it is a link-local or cloud metadata address"
    if address.is_unspecified or address.is_multicast:
        return "it is not the address of one machine"
    if address.is_loopback:
        return "it is a private or reserved address" if reach == "public" else None
    if _is_nowhere(address):
        return "it is a reserved address"
    if reach == "plain" and address.is_global:
        return "it is on the open internet, where a key would travel unencrypted: use https"
    if reach != "public":
        return None if address.is_global or address.is_private else "it is a reserved address"
    return None if address.is_global else "it is a private or reserved address"


def is_loopback(text: str) -> bool:
    return _innermost(ipaddress.ip_address(text.split("%")[0])).is_loopback


def _is_nowhere(address: Address) -> bool:
    """Neither on the internet nor in anybody's private network: broadcast, class E, "this network", reserved IPv6."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_reserved or address in _THIS_NETWORK_V4
    return address in _DOCUMENTATION_V6 or not (address in _INTERNET_V6 or address in _UNIQUE_LOCAL_V6)


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
    if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
