"""Allocation rules of people: preview, saving, what follows, and the pages."""

from datetime import date
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.test import Client

from dashboard.balances.rates.conversion import Unit
from dashboard.credentials.models import ProviderAccount
from dashboard.keys.models import ProviderKey
from dashboard.keys.services import provider_key_assign, provider_key_forget, provider_key_type_in
from dashboard.organizations.audit import Actor
from dashboard.organizations.models import AuditEvent, Membership, Organization, Role, Team, User
from dashboard.organizations.scope import Scope
from dashboard.usage.allocation import KEY, Rule, Share
from dashboard.usage.explorer.selectors import TEAM, Wanted, spend_totals, sums_known
from dashboard.usage.models import AllocationRule, TeamDaily, TeamMonthly
from dashboard.usage.rules.selectors import rule_moves, rules_view
from dashboard.usage.rules.services import RuleRefused, RuleTold, rule_remove, rule_save
from tests.usage.test_landing import DAY, MONDAY, NOW, land, paid, reported, used

TODAY = NOW.date()
FORM = {"dimension": "key", "value": "k", "percent_1": "100"}


@pytest.fixture
def account(organization: Organization) -> ProviderAccount:
    return ProviderAccount.objects.create(organization=organization, provider_slug="openai", label="Main")


@pytest.fixture
def team(organization: Organization) -> Team:
    return Team.objects.create(organization=organization, name="Search")


@pytest.fixture
def second(organization: Organization) -> Team:
    return Team.objects.create(organization=organization, name="Support")


@pytest.fixture
def by(owner: User) -> Actor:
    return Actor(owner)


def told(*teams: tuple[Team, str], value: str = "k", **more: object) -> RuleTold:
    shares = [(team, Decimal(percent)) for team, percent in teams]
    base = {"dimension": "key", "account": None, "valid_from": None}
    return RuleTold(value=value, shares=shares, **{**base, **more})  # type: ignore[arg-type]


def by_team(table: type = TeamDaily) -> dict[str | None, Decimal]:
    rows = table.objects.filter(spend__isnull=False).values_list("team__name").annotate(Sum("spend"))  # type: ignore[attr-defined]
    return dict(rows)


def test_a_rule_gives_what_it_catches_and_nothing_else(
    organization: Organization, account: ProviderAccount, team: Team, second: Team, by: Actor
) -> None:
    own = [reported("3", provider_key="k"), reported("4", MONDAY + DAY, provider_key="k")]
    land(account, [*own, reported("5", MONDAY + 2 * DAY)])
    untouched = TeamDaily.objects.filter(spend=5).get()
    made = rule_save(
        organization=organization, told=told((team, "100"), valid_from=MONDAY.date() + DAY), by=by, now=NOW
    )
    assert by_team() == by_team(TeamMonthly) == {"Search": Decimal(4), None: Decimal(8)}
    assert TeamDaily.objects.filter(pk=untouched.pk).exists(), "a day that holds nothing of it stays as it is"
    rule_save(organization=organization, told=told((team, "25"), (second, "75")), by=by, now=NOW, rule=made)
    assert by_team() == {"Search": Decimal("1.75"), "Support": Decimal("5.25"), None: Decimal(5)}
    land(account, [reported("8", MONDAY - DAY, provider_key="k")])
    assert by_team()["Support"] == Decimal("11.25"), "what lands later goes by the rule"
    rule_remove(rule=AllocationRule.objects.get(pk=made.pk), by=by, now=NOW)
    assert by_team() == by_team(TeamMonthly) == {None: Decimal(20)}
    events = AuditEvent.objects.filter(organization=organization).order_by("sequence")
    assert [event.action for event in events] == ["allocation.made", "allocation.changed", "allocation.removed"]
    assert events[1].changes["teams"] == [["Search 100 %"], ["Search 25 %", "Support 75 %"]]


def test_a_rule_is_told_by_the_name_of_its_key(
    organization: Organization, account: ProviderAccount, team: Team, by: Actor
) -> None:
    ProviderKey.objects.create(account=account, external_id="k", name="team-green", listed_at=NOW)
    rule_save(organization=organization, told=told((team, "100"), account=account), by=by, now=NOW)
    rule_save(organization=organization, told=told((team, "100"), value="not listed"), by=by, now=NOW)
    whole = {"dimension": "account", "value": "", "account": account}
    rule_save(organization=organization, told=told((team, "100"), **whole), by=by, now=NOW)
    known = f"{account.provider_name}: {account.label}"
    subjects = AuditEvent.objects.filter(organization=organization).order_by("sequence")
    assert list(subjects.values_list("subject_words", flat=True)) == [f"team-green, {known}", "not listed", known]


def test_a_bill_follows_the_keys_of_its_day(
    organization: Organization, account: ProviderAccount, team: Team, by: Actor
) -> None:
    land(account, [used(provider_key="k", input_tokens=300), used(provider_key="other", input_tokens=100)])
    land(account, [paid("8")])
    assert by_team() == {None: Decimal(8)}
    rule_save(organization=organization, told=told((team, "100")), by=by, now=NOW)
    assert by_team() == {"Search": Decimal(6), None: Decimal(2)}


def test_whose_a_key_is_decides_whose_its_spend_is(
    account: ProviderAccount, team: Team, second: Team, by: Actor
) -> None:
    land(account, [reported("3", provider_key="k"), reported("4", MONDAY + DAY, provider_key="k")])
    key = ProviderKey.objects.create(account=account, external_id="k", listed_at=NOW)

    def own(owner: Team | None, day: date) -> dict[str | None, Decimal]:
        provider_key_assign(key=key, team=owner, purpose="", valid_from=day, by=by, now=NOW)
        return by_team()

    first, next_day = MONDAY.date(), (MONDAY + DAY).date()
    assert own(team, next_day) == {None: Decimal(3), "Search": Decimal(4)}
    assert own(team, first) == {"Search": Decimal(7)}
    assert own(second, next_day) == {"Search": Decimal(3), "Support": Decimal(4)}
    assert own(None, next_day) == {"Search": Decimal(3), None: Decimal(4)}
    rules = AllocationRule.objects.order_by("valid_from")
    assert [(rule.valid_from, rule.value, rule.account) for rule in rules] == [
        (first, "k", account),
        (next_day, "k", account),
    ]
    assert own(second, first) == {"Support": Decimal(7)}
    assert AllocationRule.objects.count() == 1


def test_a_key_that_nobody_owns_any_more_is_not_the_team_of_its_account(
    organization: Organization, account: ProviderAccount, team: Team, second: Team, by: Actor
) -> None:
    """Else taking a key from its owner would hand its bill to whoever has the account."""
    ProviderAccount.objects.filter(pk=account.pk).update(team=second)
    land(account, [reported("3", provider_key="k"), reported("4", MONDAY + DAY, provider_key="k"), reported("9")])
    key = ProviderKey.objects.create(account=account, external_id="k", listed_at=NOW)

    def whose(first: date, last: date) -> dict[int | None, Decimal]:
        found: dict[int | None, Decimal] = {}
        scope = Scope(organization.pk)
        known = sums_known(scope=scope)()
        for one in spend_totals(wanted=Wanted(scope=scope), known=known, group=TEAM, first=first, last=last)():
            found[one.group] = found.get(one.group, Decimal(0)) + one.spend
        return found

    first, next_day = MONDAY.date(), (MONDAY + DAY).date()
    assert whose(first, next_day) == {second.pk: Decimal(16)}
    for owner, day in ((team, first), (None, next_day)):
        provider_key_assign(key=key, team=owner, purpose="", valid_from=day, by=by, now=NOW)
    expected = {team.pk: Decimal(3), second.pk: Decimal(9), None: Decimal(4)}
    assert whose(first, next_day) == expected
    assert whose(first.replace(day=1), first.replace(day=30)) == expected, "also by whole months"
    rule = AllocationRule.objects.get(valid_from=next_day)
    moves = rule_moves(organization_id=organization.pk, today=TODAY, gone=rule)
    found = {(move.team, move.difference) for move in moves}
    assert found == {(None, Decimal(-4)), (team, Decimal(4))}, "without that rule the one before it counts"
    provider_key_assign(key=key, team=second, purpose="", valid_from=next_day, by=by, now=NOW)
    assert whose(first, next_day) == {team.pk: Decimal(3), second.pk: Decimal(13)}


def test_a_key_that_was_typed_in_takes_its_rule_along(account: ProviderAccount, team: Team, by: Actor) -> None:
    land(account, [reported("3", provider_key="k")])
    key = provider_key_type_in(account=account, external_id="k", name="old", hint="", created_on=None, by=by, now=NOW)
    provider_key_assign(key=key, team=team, purpose="", valid_from=MONDAY.date(), by=by, now=NOW)
    assert by_team() == {"Search": Decimal(3)}
    provider_key_forget(key=key, by=by, now=NOW)
    assert by_team() == {None: Decimal(3)}
    assert not AllocationRule.objects.exists()


def test_a_key_that_an_account_lists_is_told_by_its_name(
    client: Client, signed_in: None, organization: Organization, account: ProviderAccount, team: Team, by: Actor
) -> None:
    """Its id says nothing to anybody; another organization's key of the same id names none of ours."""
    stranger = Organization.objects.create(name="Elsewhere")
    theirs = ProviderAccount.objects.create(organization=stranger, provider_slug="openai", label="Main")
    ProviderKey.objects.create(account=theirs, external_id="key_7f3a", name="their secret", listed_at=NOW)
    land(account, [reported("3", provider_key="key_7f3a")])
    for whose in (account, None):
        one = told((team, "100"), value="key_7f3a", account=whose)
        rule_save(organization=organization, told=one, by=by, now=NOW)
    rows = rules_view(organization_id=organization.pk, today=TODAY).rows
    assert [row.key for row in rows] == [None, None]
    key = ProviderKey.objects.create(
        account=account, external_id="key_7f3a", name="nightly", hint="sk-...a91f", listed_at=NOW
    )
    rows = rules_view(organization_id=organization.pk, today=TODAY).rows
    assert [row.key for row in rows] == [key, key]
    page = client.get("/spend/rules/").content.decode()
    assert "nightly" in page
    form = client.get(f"/spend/rules/{rows[0].rule.pk}/").content.decode()
    assert '<option value="key_7f3a" label="nightly sk-...a91f">' in form
    assert '<h1 class="text-xl">nightly</h1>' in form
    assert "sk-...a91f" in page
    assert "their secret" not in page


def test_who_owns_an_account_owns_what_no_rule_catches(
    organization: Organization, account: ProviderAccount, team: Team
) -> None:
    land(account, [reported("3")])
    uncaught = rules_view(organization_id=organization.pk, today=TODAY).uncaught
    assert [(one.dimension, one.account, one.amounts) for one in uncaught] == [
        ("account", account, {Unit("USD"): Decimal(3)})
    ]
    ProviderAccount.objects.filter(pk=account.pk).update(team=team)
    view = rules_view(organization_id=organization.pk, today=TODAY)
    assert (view.uncaught, view.own) == ([], [("USD", Decimal(3), "")])


def test_credits_of_two_providers_are_never_added_up(organization: Organization, team: Team) -> None:
    other = Team.objects.create(organization=organization, name="Other")
    for slug, name in (("chatgpt-codex", "ChatGPT"), ("gitlab-duo", "GitLab")):
        account = ProviderAccount.objects.create(
            organization=organization, provider_slug=slug, label=name, team=team if slug == "gitlab-duo" else None
        )
        land(account, [used(cost=Decimal(3), unit="credits", provider_key="k")])
    rules_of = rules_view(organization_id=organization.pk, today=TODAY)
    assert [(unit, amount, whose[:6]) for unit, amount, whose in rules_of.own] == [("credits", Decimal(3), "GitLab")]
    assert [unit for one in rules_of.uncaught for unit in one.amounts] == [Unit("credits", "chatgpt-codex")]
    new = Rule(dimension=KEY, value="k", shares=(Share(other.pk, Decimal(100)),))
    moves = rule_moves(organization_id=organization.pk, today=TODAY, new=new)
    assert sorted((str(one.team or ""), one.whose[:6], one.difference) for one in moves) == sorted(
        [("", "ChatGP", Decimal(-3)), (team.name, "GitLab", Decimal(-3))]
        + [(other.name, whose, Decimal(3)) for whose in ("ChatGP", "GitLab")]
    )


@pytest.mark.parametrize(
    ("shares", "more"),
    [
        ([], {}),
        (["60"], {}),
        (["60", "40.0001"], {}),
        (["100", "0"], {}),
        (["100"], {"value": ""}),
        (["100"], {"dimension": "account", "value": ""}),
    ],
)
def test_a_rule_that_says_nothing_is_refused(
    organization: Organization, team: Team, second: Team, by: Actor, shares: list[str], more: dict[str, str]
) -> None:
    with pytest.raises(RuleRefused):
        rule_save(
            organization=organization,
            told=told(*zip((team, second), shares, strict=False), **more),  # type: ignore[arg-type]
            by=by,
            now=NOW,
        )
    assert not AllocationRule.objects.exists()


def test_there_is_one_rule_for_one_thing_and_no_team_from_elsewhere(
    organization: Organization, team: Team, by: Actor
) -> None:
    rule_save(organization=organization, told=told((team, "100")), by=by, now=NOW)
    with pytest.raises(RuleRefused):
        rule_save(organization=organization, told=told((team, "100")), by=by, now=NOW)
    foreign = Team.objects.create(organization=Organization.objects.create(name="Other"), name="Theirs")
    with pytest.raises(RuleRefused):
        rule_save(organization=organization, told=told((foreign, "100"), value="x"), by=by, now=NOW)
    assert AllocationRule.objects.count() == 1


def test_the_preview_tells_what_saving_does(
    organization: Organization, account: ProviderAccount, team: Team, second: Team, by: Actor
) -> None:
    land(account, [reported("3", provider_key="k"), reported("4", MONDAY - 40 * DAY, provider_key="k")])
    made = rule_save(organization=organization, told=told((team, "100")), by=by, now=NOW)
    moves = rule_moves(organization_id=organization.pk, today=TODAY, gone=made)
    assert {(move.team, move.before, move.after, move.difference) for move in moves} == {
        (team, Decimal(3), Decimal(0), Decimal(-3)),
        (None, Decimal(0), Decimal(3), Decimal(3)),
    }
    (row,) = rules_view(organization_id=organization.pk, today=TODAY).rows
    assert row.amounts == {Unit("USD"): Decimal(3)}


def test_a_rule_that_another_one_follows_says_when_it_ended(
    client: Client,
    signed_in: None,
    organization: Organization,
    account: ProviderAccount,
    team: Team,
    second: Team,
    by: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    old = rule_save(organization=organization, told=told((team, "100")), by=by, now=NOW)
    since = TODAY - 60 * DAY
    rule_save(organization=organization, told=told((second, "100"), valid_from=since), by=by, now=NOW)
    rule_save(organization=organization, told=told((second, "100"), account=account), by=by, now=NOW)
    rows = rules_view(organization_id=organization.pk, today=TODAY).rows
    assert {(row.rule.pk, row.until) for row in rows if row.replaced} == {(old.pk, since - DAY)}
    assert "replaced" in client.get("/spend/rules/").content.decode()
    preview = client.post(f"/spend/rules/{old.pk}/", {**FORM, "team_1": second.pk}).content.decode()
    assert "The rule counts up to" in preview
    assert "no spend of the last 30 days" not in preview


# --- Pages --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("noted_templates")
def test_a_rule_is_previewed_before_it_is_saved(
    client: Client, signed_in: None, organization: Organization, account: ProviderAccount, team: Team
) -> None:
    land(account, [reported("3", provider_key="k")])
    form = {**FORM, "team_1": team.pk}
    preview = client.post("/spend/rules/new/", form)
    assert preview.status_code == 200
    assert not AllocationRule.objects.exists()
    mark = preview.context["form"].mark
    again = client.post("/spend/rules/new/", {**form, "value": "other", "seen": mark})
    assert again.status_code == 200
    assert not AllocationRule.objects.exists(), "what was changed since is previewed again"
    assert client.post("/spend/rules/new/", {**form, "seen": mark}).status_code == 302
    made = AllocationRule.objects.get()
    assert by_team() == {"Search": Decimal(3)}
    shown = client.get(f"/spend/rules/{made.pk}/").content.decode()
    assert made.value in client.get("/spend/rules/").content.decode()
    assert 'value="k"' in shown
    assert 'value="100"' in shown, "a part is written out, not as 1E+2"
    assert client.post(f"/spend/rules/{made.pk}/remove/").status_code == 302
    assert by_team() == {None: Decimal(3)}


@pytest.mark.usefixtures("noted_templates")
@pytest.mark.parametrize(
    "wrong",
    [
        {"percent_1": "99"},
        {"percent_1": "NaN"},
        {"value": " "},
        {"dimension": "account"},
        {"team_1": "0"},
        {"valid_from": "yesterday"},
        {"team_2": "same", "percent_1": "50", "percent_2": "50"},
    ],
)
def test_a_form_that_makes_no_sense_says_so(
    client: Client, signed_in: None, organization: Organization, team: Team, wrong: dict[str, str]
) -> None:
    wrong = {name: str(team.pk) if value == "same" else value for name, value in wrong.items()}
    answer = client.post("/spend/rules/new/", {**FORM, "team_1": team.pk, **wrong})
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert answer.context["moves"] is None


def test_the_way_from_unallocated_to_a_rule(
    client: Client, signed_in: None, organization: Organization, account: ProviderAccount, team: Team
) -> None:
    land(account, [reported("3", provider_key="k")])
    assert "/spend/rules/#uncaught" in client.get("/spend/?group=team&period=13-months").content.decode()
    listed = client.get("/spend/rules/").content.decode()
    assert "dimension=key&amp;value=k" in listed
    assert "$3.00" in listed
    shown = client.get("/spend/rules/new/", {"dimension": "key", "value": "k", "account": account.pk}).content.decode()
    assert 'value="k"' in shown
    Membership.objects.update(role=Role.VIEWER, sees_all=True)
    seen = client.get("/spend/?group=team&period=13-months").content.decode()
    assert "Unallocated" in seen
    assert "#uncaught" not in seen, "it is not theirs to say"
