"""The pages of routing: who carries and why, what if, the editor step by step, revisions compared and brought back."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from dashboard.credentials.models import OfferedModel, ProviderAccount
from dashboard.organizations.models import Membership, Organization, Role, Team, User
from dashboard.routing.document import DocumentError, Failover, document_of, plain_of
from dashboard.routing.editor.comparing import change_words, documents_compared, failover_settings
from dashboard.routing.editor.draft import Moved, document_from, draft_changed, draft_of, draft_read
from dashboard.routing.editor.linter import policy_lint
from dashboard.routing.models import RoutePolicy, RouteRevision
from dashboard.routing.selectors import account_facts
from dashboard.routing.services import routes_decide_account
from tests.routing.routing_world import account, document, land, saved


@pytest.fixture
def two(organization: Organization) -> list[ProviderAccount]:
    made = [account(organization, label) for label in ("First", "Second")]
    for one in made:
        land(one, "100", timezone.now())
    return made


@pytest.fixture
def policy(organization: Organization, two: list[ProviderAccount]) -> RoutePolicy:
    return saved(organization, document([two[0]], [two[1]]), timezone.now())


def fields(policy: RoutePolicy) -> dict[str, str]:
    """The editor's form as a browser would send it."""
    draft = draft_of(document_of(policy.revisions.get(number=policy.revision).document))
    told = {**draft["failover"], "based_on": str(policy.revision)}
    for number, route in enumerate(draft["routes"]):
        told |= {f"r-{number}-{name}": route[name] for name in ("match", "kind", "about")}
        for tier, targets in enumerate(route["tiers"]):
            for place, target in enumerate(targets):
                at = f"r-{number}-t-{tier}-x-{place}"
                told |= {f"{at}-{name}": target[name] for name in ("account", "model", "weight", "host")}
                told |= {f"{at}-enabled": "on"} if target["enabled"] else {}
    return told


def page(client: Client, name: str, *args: Any, query: str = "") -> str:
    answer = client.get(reverse(f"routing:{name}", args=args) + query)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode()).replace("\u00a0", " ")


# --- Reading ----------------------------------------------------------------------------------------------------


def test_the_overview_tells_who_carries_and_who_was_passed_over(
    client: Client, signed_in: None, organization: Organization, policy: RoutePolicy, two: list[ProviderAccount]
) -> None:
    Team.objects.create(organization=organization, name="Support")
    land(two[0], "0.42", timezone.now())
    routes_decide_account(account_id=two[0].pk, now=timezone.now())
    told = page(client, "policies")
    assert "model-second" in told
    assert "balance $0.42 USD under the floor of $5.00 USD" in told
    assert "model-first left chat" in told
    assert "Support" in told


def test_figures_are_for_those_who_may_see_balances(
    client: Client, organization: Organization, policy: RoutePolicy, two: list[ProviderAccount]
) -> None:
    land(two[0], "0.42", timezone.now())
    routes_decide_account(account_id=two[0].pk, now=timezone.now())
    viewer = User.objects.create_user("ann@harbor.example")
    Membership.objects.create(organization=organization, user=viewer, role=Role.VIEWER, sees_all=True)
    client.force_login(viewer)
    for told in (page(client, "policies"), page(client, "policy", policy.pk)):
        assert "0.42" not in told
        assert "the balance is under its floor" in told
        assert reverse("routing:policy_edit", args=[policy.pk]) not in told


def test_what_if_changes_the_page_and_nothing_else(
    client: Client, signed_in: None, policy: RoutePolicy, two: list[ProviderAccount]
) -> None:
    before = RoutePolicy.objects.values().get()
    told = page(client, "policy", policy.pk, query=f"?drained={two[0].pk}")
    assert "Would be passed over: balance $0.00 USD under the floor of $5.00 USD" in told
    assert "Would carry" in told
    assert "model-second would carry" in told
    assert "Nothing is saved." in told
    down = page(client, "policy", policy.pk, query=f"?down={two[0].pk}&down={two[1].pk}")
    assert "Dead end: no target would carry this route." in down
    assert "Would be passed over: its provider does not answer<" in down, "what does not happen has no end"
    assert "nobody would carry" in down
    both = page(client, "policy", policy.pk, query=f"?down={two[1].pk}")
    assert both.count("route-changed") == 1
    assert "In use" in both, "the first carries, as it does"
    assert "would carry" not in both
    assert "Every route would be carried as it is." in both
    assert page(client, "policy", policy.pk, query="?down=x&drained=999&spent=").count("route-changed") == 0
    assert RoutePolicy.objects.values().get() == before


def test_a_team_reads_its_own_routes_and_the_organizations(
    client: Client, organization: Organization, policy: RoutePolicy, two: list[ProviderAccount]
) -> None:
    mine, other = (Team.objects.create(organization=organization, name=name) for name in ("Search", "Support"))
    own = saved(organization, document([two[0]], match="mine"), timezone.now(), team=mine)
    theirs = saved(organization, document([two[1]], match="theirs"), timezone.now(), team=other)
    lead = User.objects.create_user("lea@harbor.example")
    Membership.objects.create(organization=organization, user=lead, role=Role.LEAD)
    mine.members.add(lead)
    client.force_login(lead)
    told = page(client, "policies")
    assert "mine" in told
    assert "theirs" not in told
    assert page(client, "policy", own.pk)
    assert client.get(reverse("routing:policy", args=[theirs.pk])).status_code == 404


def test_the_first_step_to_routes_is_an_account(client: Client, signed_in: None, organization: Organization) -> None:
    told = page(client, "policies")
    assert "Write the first routes" not in told
    assert reverse("credentials:connect") in told.split('id="routing"')[1]
    new = page(client, "policy_new")
    assert re.search('value="save" disabled', new), "there is nothing to publish"
    assert "Linter" not in new
    account(organization, "First")
    assert "Write the first routes" in page(client, "policies")


# --- The editor -------------------------------------------------------------------------------------------------


def test_a_step_is_shown_and_not_saved(client: Client, signed_in: None, policy: RoutePolicy) -> None:
    answer = client.post(reverse("routing:policy_edit", args=[policy.pk]), {**fields(policy), "do": "down:0.0.0"})
    told = answer.content.decode()
    assert answer.status_code == 200
    assert told.count("data-tier=") == 1  # out of its own tier, into the next one
    assert "model-first: tier 1, place 1" in told
    assert "data-follow" in told
    assert RouteRevision.objects.count() == 1


def test_publishing_makes_the_next_revision_and_can_be_taken_back(
    client: Client, signed_in: None, policy: RoutePolicy
) -> None:
    sent = {**fields(policy), "r-0-t-0-x-0-weight": "40", "note": "Less of it", "do": "save"}
    answer = client.post(reverse("routing:policy_edit", args=[policy.pk]), sent)
    assert (answer.status_code, answer["Location"]) == (302, reverse("routing:policy", args=[policy.pk]))
    made = RouteRevision.objects.get(number=2)
    assert (made.note, made.document["routes"][0]["tiers"][0]["targets"][0]["weight"]) == ("Less of it", 40)
    undo = reverse("routing:revision_restore", args=[policy.pk, 1])
    assert undo in client.get(answer["Location"]).content.decode()
    client.post(undo)
    assert RouteRevision.objects.get(number=3).restores == 1


def test_htmx_is_led_on_by_a_header(client: Client, signed_in: None, policy: RoutePolicy) -> None:
    sent = {**fields(policy), "hold_down_minutes": "5", "do": "save"}
    answer = client.post(reverse("routing:policy_edit", args=[policy.pk]), sent, headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == reverse("routing:policy", args=[policy.pk])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"r-0-match": "No such"}, "is no alias"),
        ({"r-0-t-0-x-0-model": ""}, "each target needs a model"),
        ({"r-0-t-0-x-0-account": "999999"}, "an account that is not here any more"),
        ({"r-0-t-0-x-0-weight": "many"}, "is no whole number"),
        ({"balance_floors": "20"}, "is no amount"),
        ({"balance_floors": "20 USD, 30 USD"}, "two floors for USD"),
        ({"based_on": "0"}, "Somebody saved another revision meanwhile"),
    ],
)
def test_what_cannot_be_published_says_why_and_stays(
    client: Client, signed_in: None, policy: RoutePolicy, change: dict[str, str], words: str
) -> None:
    answer = client.post(
        reverse("routing:policy_edit", args=[policy.pk]), {**fields(policy), **change, "note": "kept", "do": "save"}
    )
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert 'value="kept"' in answer.content.decode()
    assert RouteRevision.objects.count() == 1


def test_new_routes_of_a_team_begin_with_the_organizations(
    client: Client, signed_in: None, organization: Organization, policy: RoutePolicy
) -> None:
    team = Team.objects.create(organization=organization, name="Search")
    url = f"{reverse('routing:policy_new')}?team={team.pk}"
    assert f'href="{url}"' in page(client, "policies")
    assert "New routes for Search" in client.get(url).content.decode()
    assert 'value="model-first"' in client.get(url).content.decode()
    client.post(url, {**fields(policy), "based_on": "0", "do": "save"})
    own = RoutePolicy.objects.get(team=team)
    assert client.get(url)["Location"] == reverse("routing:policy_edit", args=[own.pk])
    assert client.get(f"{reverse('routing:policy_new')}?team=999999").status_code == 404


def test_a_form_and_its_document_are_the_same(policy: RoutePolicy) -> None:
    live = document_of(policy.revisions.get().document)
    assert document_from(draft_read(fields(policy))) == live
    assert document_from(draft_of(live)) == live


@pytest.mark.parametrize(
    ("step", "tiers", "moved"),
    [
        ("down:0.0.0", ["ba", "c"], Moved(0, 0, 1, down=True)),
        ("down:0.0.1", ["a", "bc"], Moved(0, 1, 0, down=True)),
        ("down:0.1.0", ["ab", "c"], Moved(0, 1, 0, down=True)),
        ("up:0.1.0", ["abc"], Moved(0, 0, 2)),
        ("up:0.0.1", ["ba", "c"], Moved(0, 0, 0)),
        ("up:0.0.0", ["a", "b", "c"], Moved(0, 0, 0)),
        ("move:0.0.0>1.0", ["b", "ac"], Moved(0, 1, 0)),
        ("move:0.0.0>2.0", ["b", "c", "a"], Moved(0, 2, 0)),
        ("move:0.1.0>0.1", ["acb"], Moved(0, 0, 1)),
        ("remove:0.1.0", ["ab"], None),
        ("add-target:0.0", ["ab-", "c"], Moved(0, 0, 2)),
        ("add-target:0.9", ["ab", "c", "-"], Moved(0, 2, 0)),
        ("up:0.7.0", ["ab", "c"], None),
        ("up:7.0.0", ["ab", "c"], None),
        ("nonsense", ["ab", "c"], None),
    ],
)
def test_steps(step: str, tiers: list[str], moved: Moved | None) -> None:
    def one(model: str) -> dict[str, Any]:
        return {"account": "1", "model": model, "weight": "1", "host": "first", "enabled": True}

    draft = {"failover": {}, "routes": [{"match": "r", "tiers": [[one("a"), one("b")], [one("c")]]}]}
    assert draft_changed(draft, step, account="1") == moved
    assert ["".join(each["model"] or "-" for each in tier) for tier in draft["routes"][0]["tiers"]] == tiers  # type: ignore[index]


# --- What the linter says ---------------------------------------------------------------------------------------


def lint(what: Any) -> list[str]:
    return [note.code for note in policy_lint(document=what, facts=account_facts(account_ids=what.accounts), names={})]


def test_the_linter(organization: Organization, two: list[ProviderAccount]) -> None:
    first, second = two
    assert lint(document([first], [second])) == []
    assert lint(document()) == ["dead_end"]
    assert lint(document([first])) == ["no_way_out"]
    plain = plain_of(document([first], [second]))
    again = {"account": first.pk, "model": "other"}
    plain["routes"][0]["tiers"].append({"targets": [again]})
    assert lint(document_of(plain)) == ["shared_account"]
    OfferedModel.objects.create(account=second, model_id="something-else", listed_at=timezone.now())
    assert lint(document([first], [second])) == ["not_offered"]
    OfferedModel.objects.create(account=second, model_id="model-second", listed_at=timezone.now())
    assert lint(document([first], [second])) == []
    land(account(organization, "Third"), "9", timezone.now(), unit="CNY")
    third = ProviderAccount.objects.get(label="Third")
    assert lint(document([first], [third])) == ["floor_of_another_unit"]
    fourth = account(organization, "Fourth")
    assert lint(document([first], [fourth])) == ["nothing_known"]
    twice = plain_of(document([first], [fourth]))
    twice["routes"].append({**twice["routes"][0], "match": "draft"})
    (note,) = policy_lint(document=document_of(twice), facts=account_facts(account_ids=[first.pk, fourth.pk]), names={})
    assert note.match == "chat, draft", "what is true of several routes is said once"


# --- Revisions --------------------------------------------------------------------------------------------------


def test_revisions_are_compared_line_by_line(
    client: Client, signed_in: None, organization: Organization, policy: RoutePolicy, two: list[ProviderAccount]
) -> None:
    saved(organization, document([two[0]], [two[1]], hold_down_minutes=45), timezone.now(), based_on=1)
    told = page(client, "revision", policy.pk, 2)
    assert "<del>Hold down at least: 30 min</del>" in told
    assert "<ins>Hold down at least: 45 min</ins>" in told
    assert told.count("<ins>") == 1
    assert "Hold down at least: 30 min → 45 min" in page(client, "policy", policy.pk)
    assert "6 lines as before" in told
    assert "Routes of Harbor Labs, revision 2" in told
    assert client.get(reverse("routing:revision", args=[policy.pk, 9])).status_code == 404


def test_a_comparison_has_every_line_of_both(two: list[ProviderAccount]) -> None:
    before, after = document([two[0]], [two[1]]), document([two[1]])
    lines = documents_compared(before, after, {})
    gone = [line.words for line in lines if line.sign == "removed"]
    assert [words for words in gone if "model-first" in words]
    assert [line for line in lines if line.sign != "removed"] == documents_compared(after, after, {})
    assert {line.sign for line in documents_compared(None, after, {})} == {"added"}
    assert {line.sign for line in documents_compared(after, after, {})} == {"same"}
    assert change_words(None, after, {}) == "1 route"


def test_removing_a_policy(client: Client, signed_in: None, policy: RoutePolicy) -> None:
    url = reverse("routing:policy_out", args=[policy.pk])
    for word in ("", "somebody else"):
        assert client.post(url, {"word": word})["Location"] == reverse("routing:policy", args=[policy.pk])
        assert RoutePolicy.objects.filter(pk=policy.pk).exists(), "the name is typed, whatever the browser says"
    assert client.post(url, {"word": str(policy.team or policy.organization)})["Location"] == reverse(
        "routing:policies"
    )
    assert RoutePolicy.objects.count() == 0


def test_a_document_that_is_no_longer_allowed_still_carries(
    client: Client, signed_in: None, policy: RoutePolicy, two: list[ProviderAccount]
) -> None:
    """Rules may become stricter; what is live goes on."""
    revision = policy.revisions.get()
    revision.document["routes"][0]["match"] = "Not An Alias"
    revision.save()
    with pytest.raises(DocumentError):
        document_of(revision.document)
    routes_decide_account(account_id=two[0].pk, now=timezone.now())
    assert "Not An Alias" in page(client, "policy", policy.pk)


def test_the_amounts_of_a_floor_are_written_as_everywhere_and_whole() -> None:
    floors = {"API points": Decimal(100000), "USD": Decimal("12.345")}
    assert failover_settings(Failover(balance_floors=floors))[0] == (
        "Leave under balance",
        ["100,000\u00a0API\u00a0points", "$12.345\u00a0USD"],
    )
    with translation.override("zh-hant"):
        assert failover_settings(Failover(balance_floors=floors))[0][1][0] == "100,000\u00a0API\u00a0點數"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("20 USD,150 CNY", {"USD": 20, "CNY": 150}),
        ("1,500 API points, 20 USD", {"API points": 1500, "USD": 20}),
        ("1,234,567.5 USD；20 CNY", {"USD": Decimal("1234567.5"), "CNY": 20}),
    ],
)
def test_amounts_are_read_as_they_are_written(typed: str, read: dict[str, Any]) -> None:
    draft = draft_of(document_of({}))
    draft["failover"]["balance_floors"] = typed
    found = document_from(draft).failover.balance_floors
    assert found == read
    assert document_from(draft_of(document_from(draft))).failover.balance_floors == found


def test_what_counts_where_nothing_is_told_is_said_alike_in_the_editor_and_on_the_page(
    client: Client, signed_in: None, organization: Organization, two: list[ProviderAccount]
) -> None:
    made = saved(
        organization, document([two[0]], quota_ceiling_percent=None, quota_return_percent=None), timezone.now()
    )
    shown = dict(failover_settings(document_of(made.revisions.get().document).failover))
    assert shown["Leave over quota"] == ["only when it is used up"]
    assert shown["Come back under quota"] == ["the bound of leaving"]
    told = page(client, "policy_edit", made.pk)
    assert "Empty: only when it is used up." in told
    assert "Empty: 30 min." in told


def test_a_server_of_ones_own_has_no_limit_to_warn_of(
    client: Client, signed_in: None, organization: Organization, two: list[ProviderAccount]
) -> None:
    mine = account(organization, "Rack", slug="vllm")
    made = saved(organization, document([two[0]], [mine]), timezone.now())
    told = page(client, "policy", made.pk)
    assert "no limit" in told
    assert "own server" in told
    assert "only errors take it out" not in told
