"""Which addresses a call may reach: a table, the guarded backend, and every way to dress up an IPv4 address."""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

import httpcore
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from providers.addresses import is_loopback, refusal
from providers.errors import ActionNeeded, Retryable
from providers.spec import Outgoing
from providers.transport import AddressRefused, Transport
from providers.transport import _GuardedBackend as GuardedBackend

BOTH, PRIVATE_ONLY, NEVER = (True, True), (False, True), (False, False)

TABLE = {
    # The open internet
    "8.8.8.8": BOTH,
    "1.1.1.1": BOTH,
    "172.15.255.255": BOTH,
    "172.32.0.1": BOTH,
    "11.0.0.1": BOTH,
    "2606:4700::1111": BOTH,
    "2001:4860:4860::8888": BOTH,
    "::ffff:8.8.8.8": BOTH,
    "64:ff9b::808:808": BOTH,
    "2002:808:808::1": BOTH,
    # This machine and its networks
    "127.0.0.1": PRIVATE_ONLY,
    "127.255.255.254": PRIVATE_ONLY,
    "::1": PRIVATE_ONLY,
    "10.0.0.1": PRIVATE_ONLY,
    "10.255.255.255": PRIVATE_ONLY,
    "172.16.0.1": PRIVATE_ONLY,
    "172.31.255.254": PRIVATE_ONLY,
    "192.168.1.1": PRIVATE_ONLY,
    "fd12:3456:789a::1": PRIVATE_ONLY,
    "fc00::1": PRIVATE_ONLY,
    "::ffff:10.0.0.1": PRIVATE_ONLY,
    "::ffff:127.0.0.1": PRIVATE_ONLY,
    "::ffff:7f00:1": PRIVATE_ONLY,
    "::127.0.0.1": PRIVATE_ONLY,
    "64:ff9b::a00:1": PRIVATE_ONLY,
    "2002:a00:1::1": PRIVATE_ONLY,
    "::1%lo": PRIVATE_ONLY,
    # Nobody's
    "0.0.0.0": NEVER,  # noqa: S104
    "0.1.2.3": NEVER,
    "::": NEVER,
    "::ffff:0.0.0.0": NEVER,
    "100.64.0.1": NEVER,
    "100.127.255.254": NEVER,
    "240.0.0.1": NEVER,
    "255.255.255.255": NEVER,
    "::ffff:255.255.255.255": NEVER,
    "224.0.0.1": NEVER,
    "239.255.255.250": NEVER,
    "ff02::1": NEVER,
    "ff0e::1": NEVER,
    "::ffff:224.0.0.1": NEVER,
    "fec0::1": NEVER,
    "100::1": NEVER,
    "4000::1": NEVER,
    "3fff:fff::1": NEVER,
    "::ffff:0:8.8.8.8": NEVER,
    "64:ff9b:1::808:808": NEVER,
    "64:ff9b:1:a9fe:a9:fe00:808:808": NEVER,
    # Link-local and metadata
    "169.254.169.254": NEVER,
    "169.254.170.2": NEVER,
    "169.254.0.1": NEVER,
    "fe80::1": NEVER,
    "fe80::1%eth0": NEVER,
    "fe80::a9fe:a9fe%2": NEVER,
    "fd00:ec2::254": NEVER,
    "fd00:ec2::23": NEVER,
    "fd20:ce::254": NEVER,
    "100.100.100.200": NEVER,
    "168.63.129.16": NEVER,
    "192.0.0.192": NEVER,
    "::ffff:169.254.169.254": NEVER,
    "::ffff:a9fe:a9fe": NEVER,
    "::169.254.169.254": NEVER,
    "::ffff:0:169.254.169.254": NEVER,
    "64:ff9b::a9fe:a9fe": NEVER,
    "64:ff9b:1::a9fe:a9fe": NEVER,
    "2002:a9fe:a9fe::1": NEVER,
    "2001:0:4136:e378:8000:63bf:5601:5601": NEVER,  # Teredo: the client's address is stored inverted
    "::ffff:168.63.129.16": NEVER,
    "2002:a83f:8110::": NEVER,
    "::ffff:100.100.100.200%eth0": NEVER,
}
# For documentation and measuring: not on the internet. Whether they count as private makes no difference to anybody.
NOT_PUBLIC = (
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "198.18.0.1",
    "192.0.0.1",
    "2001:db8::1",
    "2001:2::1",
    "3fff::1",
    "5f00::1",
)


@pytest.mark.parametrize(("address", "allowed"), TABLE.items(), ids=list(TABLE))
def test_the_table(address: str, allowed: tuple[bool, bool]) -> None:
    assert (refusal(address, "public") is None, refusal(address, "private") is None) == allowed


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_documentation_is_not_public(address: str) -> None:
    assert refusal(address, "public")


def test_metadata_is_called_by_its_name() -> None:
    for address in ("169.254.169.254", "fd00:ec2::254", "::ffff:100.100.100.200"):
        assert "metadata" in str(refusal(address, "private"))
    assert "private" in str(refusal("10.0.0.1", "public"))


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("fe80::1%lo", False),
        ("8.8.8.8", False),
    ],
)
def test_loopback(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


PRIVATE_V4 = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
]


def inside(networks: list[str]) -> st.SearchStrategy[ipaddress.IPv4Address]:
    return st.one_of(st.ip_addresses(v=4, network=network) for network in networks)  # type: ignore[arg-type]


def bits(text: str) -> int:
    return int(ipaddress.IPv6Address(text))


WRAPS: dict[str, Callable[[int, int], int]] = {
    "itself": lambda v4, noise: v4,
    "mapped": lambda v4, noise: bits("::ffff:0:0") | v4,
    "compatible": lambda v4, noise: v4,
    "translated (SIIT)": lambda v4, noise: bits("::ffff:0:0:0") | v4,
    "NAT64": lambda v4, noise: bits("64:ff9b::") | v4,
    "local NAT64, last 32 bits": lambda v4, noise: bits("64:ff9b:1::") | v4 | noise % 2**48 << 32,
    # RFC 6052 section 2.2: with a /48 prefix the address stands around bits 64 to 71; what follows is ignored.
    "local NAT64, /48": lambda v4, noise: bits("64:ff9b:1::") | v4 >> 16 << 64 | (v4 & 0xFFFF) << 40 | noise % 2**40,
    "6to4": lambda v4, noise: bits("2002::") | v4 << 80 | noise % 2**80,
    "Teredo": lambda v4, noise: bits("2001::") | noise % 2**64 << 32 | v4 ^ 0xFFFFFFFF,
}


def wrapped(form: str, v4: ipaddress.IPv4Address, noise: int) -> str:
    value = WRAPS[form](int(v4), noise)
    return str(v4) if form == "itself" else str(ipaddress.IPv6Address(value))


@given(inside(PRIVATE_V4), st.sampled_from(sorted(WRAPS)), st.integers(0, 2**80 - 1))
@example(ipaddress.IPv4Address("169.254.169.254"), "local NAT64, /48", 0x08080808)
@example(ipaddress.IPv4Address("0.0.0.1"), "compatible", 0)
def test_no_wrapping_makes_a_private_address_public(v4: ipaddress.IPv4Address, form: str, noise: int) -> None:
    assert refusal(wrapped(form, v4, noise), "public"), wrapped(form, v4, noise)


@given(
    inside(["169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"]),
    st.sampled_from(sorted(WRAPS)),
    st.integers(0, 2**80 - 1),
)
def test_no_wrapping_opens_metadata_to_anybody(v4: ipaddress.IPv4Address, form: str, noise: int) -> None:
    assert refusal(wrapped(form, v4, noise), "private")


@given(st.ip_addresses(v=6))
def test_what_is_public_is_allowed_to_private_reach_too(address: ipaddress.IPv6Address) -> None:
    if refusal(str(address), "public") is None:
        assert refusal(str(address), "private") is None


# --- At connect time: what a name resolves to is what is judged, and what is judged is what is called --------------


class Network:
    """getaddrinfo answers by a script, one list of addresses per look-up of a name; a connection is noted, not made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[list[str]] = []
        self.looked_up: list[str] = []
        self.connected: list[tuple[str, int]] = []
        monkeypatch.setattr(socket, "getaddrinfo", self.getaddrinfo)
        monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", self.connect_tcp)

    def getaddrinfo(self, host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        self.looked_up.append(host)
        found = self.answers[min(len(self.looked_up), len(self.answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> Any:
        self.connected.append((host, port))
        raise httpcore.ConnectError

    def call(self, url: str, **transport: Any) -> Exception:
        with pytest.raises((ActionNeeded, Retryable)) as caught:
            Transport(pause=lambda seconds: None, **transport).send(
                Outgoing(method="GET", url=url, headers=(("Authorization", "Bearer canary"),))
            )
        return caught.value


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    return Network(monkeypatch)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2852039166", "169.254.169.254"),
        ("0xa9fea9fe", "169.254.169.254"),
        ("0251.0376.0251.0376", "169.254.169.254"),
        ("167772161", "10.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("metadata.google.internal", "169.254.169.254"),
        ("127.0.0.1.nip.example", "127.0.0.1"),
    ],
)
def test_a_host_is_judged_by_where_it_leads_however_it_is_spelled(host: str, address: str, network: Network) -> None:
    network.answers = [[address]]
    with pytest.raises(AddressRefused):
        GuardedBackend("public", loopback_only=False).connect_tcp(host, 443)
    assert network.looked_up == [host]
    assert isinstance(network.call(f"https://{host}/v1"), ActionNeeded)
    assert network.connected == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_the_systems_own_reading_of_odd_spellings_is_judged(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a scripted resolver: the system turns these into an address by itself, without asking anybody."""
    monkeypatch.setattr(
        httpcore.SyncBackend, "connect_tcp", lambda *_, **__: pytest.fail("a connection to loopback was tried")
    )
    with pytest.raises(AddressRefused, match="private or reserved"):
        GuardedBackend("public", loopback_only=False).connect_tcp(host.strip("[]"), 443)
    with pytest.raises(ActionNeeded):
        Transport().send(Outgoing(method="GET", url=f"https://{host}/v1"))


@pytest.mark.parametrize("bad", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::ffff:10.0.0.1", "::1", "fe80::1%eth0"])
@pytest.mark.parametrize("order", [1, -1])
def test_one_forbidden_address_spoils_the_name(bad: str, order: int, network: Network) -> None:
    network.answers = [["8.8.8.8", bad, "1.1.1.1"][::order]]
    assert isinstance(network.call("https://api.example.com/v1"), ActionNeeded)
    assert network.connected == []


def test_a_name_that_changes_its_mind_is_called_where_it_was_judged(network: Network) -> None:
    network.answers = [["8.8.8.8"], ["127.0.0.1"]]
    error = network.call("https://rebind.example/v1")
    # The first try went to the address that was judged, without a second look-up in between; the second try looked
    # the name up anew and was refused.
    assert network.connected == [("8.8.8.8", 443)]
    assert network.looked_up == ["rebind.example", "rebind.example"]
    assert isinstance(error, ActionNeeded)


def test_every_judged_address_is_tried_before_giving_up(network: Network) -> None:
    network.answers = [["8.8.8.8", "2606:4700::1111", "8.8.8.8"]]
    error = network.call("https://api.example.com:8443/v1")
    assert isinstance(error, Retryable)
    assert error.unreachable
    assert network.connected == [("8.8.8.8", 8443), ("2606:4700::1111", 8443)] * 3


def test_a_self_hosted_provider_may_live_in_a_private_network_but_not_on_a_metadata_address(network: Network) -> None:
    network.answers = [["10.0.0.7"]]
    assert isinstance(network.call("http://gateway.lan:4000/v1", reach="private"), Retryable)
    assert set(network.connected) == {("10.0.0.7", 4000)}
    network.connected.clear()
    network.answers = [["169.254.169.254"]]
    assert isinstance(network.call("http://gateway.lan/latest", reach="private"), ActionNeeded)
    assert network.connected == []


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "100.100.100.200"])
def test_a_relay_is_no_way_to_metadata(address: str, network: Network) -> None:
    network.answers = [[address]]
    assert isinstance(network.call("https://api.example.com/v1", via="https://relay.example"), ActionNeeded)
    assert network.connected == []


def test_an_unresolved_name_is_unreachable_and_its_error_names_only_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(Retryable) as caught:
        Transport(pause=lambda seconds: None).send(
            Outgoing(method="GET", url="https://nowhere.example/v1/path", params=(("q", "canary"),))
        )
    assert caught.value.unreachable
    assert caught.value.message == "nowhere.example could not be reached."


@pytest.mark.parametrize(
    ("address", "open_to"),
    [
        ("10.0.0.7", {"private", "plain"}),
        ("127.0.0.1", {"private", "plain"}),
        ("fd00::7", {"private", "plain"}),
        ("8.8.8.8", {"public", "private"}),
        ("2606:4700::1111", {"public", "private"}),
        ("169.254.169.254", set()),
        ("64:ff9b::808:808", {"public", "private"}),
    ],
)
def test_unencrypted_calls_stay_in_ones_own_network(address: str, open_to: set[str]) -> None:
    assert {reach for reach in ("public", "private", "plain") if refusal(address, reach) is None} == open_to


def test_a_plain_server_of_ones_own_is_not_called_on_the_open_internet(network: Network) -> None:
    network.answers = [["8.8.8.8"]]
    assert "unencrypted" in str(network.call("http://gpu.example.com/v1/models", reach="private"))
    assert network.connected == []
    network.answers = [["10.0.0.7"]]
    network.call("http://gpu.example.com/v1/models", reach="private")
    assert network.connected, "within one's own network it is"
