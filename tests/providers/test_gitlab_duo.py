"""GitLab Duo against its simulated group: what the adapter reads is what the ledger charged, in credits."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from providers.adapters.gitlab_duo import PROVIDER
from providers.collect import Credentials, Outgoing, check, collect
from providers.errors import ActionNeeded, PayloadError
from providers.records import Balance, Quota, UsageBucket
from providers.simulator.parts.gitlab_duo import CAP, commitment, split
from providers.spec import Reply, Window
from providers.transport import Transport
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 20, tzinfo=UTC)
LATE = datetime(2026, 11, 29, 23, 40, tzinfo=UTC)
FIELDS = {"instance_url": "https://gitlab.com", "token": "glpat-sim-harbor", "namespace_path": "harbor"}
TOKEN = Credentials(values=FIELDS)


def window(days: int, now: datetime = NOW) -> Window:
    return Window(start=now - timedelta(days=days), end=now, now=now)


def harbor(simulator: Any) -> Any:
    return simulator.world.account(simulator.parts["gitlab-duo"].profile, "harbor")


@pytest.mark.parametrize("days", [1, 10, 24, 90])
def test_the_days_add_up_to_the_ledger(days: int) -> None:
    send, simulator = simulated("gitlab-duo", NOW)
    rows = collect(PROVIDER, "usage", TOKEN, window(days), send).records
    buckets = [row for row in rows if isinstance(row, UsageBucket)]
    first = datetime(2026, 11, 20, tzinfo=UTC) - timedelta(days=days)
    assert min(row.start for row in buckets) == first
    assert len(buckets) == days + 1
    assert {row.unit for row in buckets} == {"credits"}
    assert sum((row.cost or Decimal(0) for row in buckets), Decimal(0)) == harbor(simulator).spent(first, NOW)
    assert [row.start.day for row in buckets if row.final is False] == [19, 20]


@pytest.mark.parametrize("now", [NOW, LATE, datetime(2026, 11, 1, tzinfo=UTC)])
def test_the_pool_is_what_was_bought_less_what_was_taken_from_it(now: datetime) -> None:
    send, simulator = simulated("gitlab-duo", now)
    account = harbor(simulator)
    _, committed, on_demand = split(account, now)
    (balance,) = collect(PROVIDER, "balance", TOKEN, window(1, now), send).records
    assert isinstance(balance, Balance)
    month = now.replace(day=1, hour=0, minute=0)
    assert balance.amount == commitment(account, month, now) - committed
    found = collect(PROVIDER, "quota", TOKEN, window(1, now), send)
    quotas = {row.name: row for row in found.records if isinstance(row, Quota)}
    assert found.partial == ()
    assert set(quotas) == {
        "monthly_commitment",
        "subscription_cap",
        "on_demand_estimate",
        "DUO_ENTERPRISE",
        "DUO_AMAZON_Q",
    }
    assert quotas["monthly_commitment"].remaining == balance.amount
    assert (quotas["subscription_cap"].used, quotas["subscription_cap"].limit) == (on_demand, CAP)
    assert (quotas["on_demand_estimate"].used, quotas["on_demand_estimate"].unit) == (on_demand, "USD")
    assert bool(on_demand) == (now == LATE)


def test_a_token_proves_itself_with_its_group() -> None:
    send, _ = simulated("gitlab-duo", NOW)
    identity = check(PROVIDER, TOKEN, window(1), send)
    assert identity.account_id
    assert (identity.account_name, identity.scopes, identity.warnings) == ("Harbor", ("read_api",), ())


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"token": "glpat-sim-harbor-maintainer"}, "missing_scope", "token"),
        ({"token": "glpat-sim-harbor-user"}, "missing_scope", "token"),
        ({"token": "glpat-nobody"}, "refused", "token"),
        ({"namespace_path": "mesa"}, "wrong_organization", "namespace_path"),
        ({"namespace_path": "harbor/team"}, "wrong_organization", "namespace_path"),
        ({"namespace_path": ""}, "missing_field", "namespace_path"),
        ({"instance_url": "https://[x"}, "missing_field", "instance_url"),
    ],
)
def test_the_check_says_what_to_mend(change: dict[str, str], code: str, field: str) -> None:
    send, _ = simulated("gitlab-duo", NOW)
    with pytest.raises(ActionNeeded) as caught:
        check(PROVIDER, Credentials(values=FIELDS | change), window(1), send)
    assert (caught.value.code, caught.value.field) == (code, field)


def test_an_own_instance_gets_the_token_and_gitlab_com_does_not() -> None:
    sent: list[Outgoing] = []

    def send(outgoing: Outgoing) -> Reply:
        sent.append(outgoing)
        return Reply(status=200, headers={}, body=b"{}")

    own = Credentials(values={"instance_url": "https://gitlab.acme.example", "token": "glpat-test-0001"})
    for capability in ("balance", "quota", "usage"):
        with pytest.raises(PayloadError):
            collect(PROVIDER, capability, own, window(3), send)
    assert len(sent) == 3
    assert all(call.url.startswith("https://gitlab.acme.example/") for call in sent)
    assert all(("Authorization", "Bearer glpat-test-0001") in call.headers for call in sent)
    assert not any("glpat" in str(call.json) + call.url + str(call.params) for call in sent)


def test_an_own_instance_may_live_in_a_private_network_and_is_called_in_the_clear_nowhere_else() -> None:
    assert PROVIDER.self_hosted
    with pytest.raises(ActionNeeded) as caught:
        Transport().send(Outgoing(method="GET", url="http://gitlab.acme.example/api/v4/version"))
    assert caught.value.code == "blocked"


def test_every_question_is_a_query() -> None:
    send, _ = simulated("gitlab-duo", NOW)
    asked: list[str] = []

    def watching(outgoing: Outgoing) -> Reply:
        if outgoing.method == "POST":
            asked.append(outgoing.json["query"])
        return send(outgoing)

    for capability in ("balance", "quota", "usage"):
        collect(PROVIDER, capability, TOKEN, window(10), watching)
    assert len(asked) == 4
    assert all(query.startswith(("query(", "{ ")) and "mutation" not in query for query in asked)
    assert not any(name in query for query in asked for name in ("users", "username", "email"))
