# ruff: noqa: S608 -- tampering is done by statements of the tests themselves
"""The audit log: what it says, that it cannot be bent unseen, and who may read it."""

import ast
import csv
import io
import re
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from dashboard.core.csv_cells import cell
from dashboard.credentials.services import credential_create, credential_replace
from dashboard.keys.models import TokenScope
from dashboard.organizations.audit import REPLACED, SYSTEM, Actor, audit_record, changed
from dashboard.organizations.audit.log import SCOPES, WORDS, Filter, audit_events, chain_verify, event_row
from dashboard.organizations.models import AuditEvent, Membership, Organization, Role, User
from dashboard.organizations.services import organization_delete, sign_in_link_create
from providers.registry import PROVIDERS

ROOT = Path(__file__).resolve().parents[2]
LOG, CSV = "organizations:audit_log", "organizations:audit_csv"


def record(organization: Organization, number: int = 0, **more: Any) -> AuditEvent:
    told: dict[str, Any] = {"by": SYSTEM, "action": "team.changed", "now": timezone.now(), "words": f"Team {number}"}
    return audit_record(organization=organization, **{**told, **more})


@pytest.fixture
def events(organization: Organization, owner: User) -> list[AuditEvent]:
    return [record(organization, number, changes={"cost_centre": ("", f"C{number}")}) for number in range(5)]


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


# --- The chain --------------------------------------------------------------------------------------------------


def test_a_chain_holds_as_it_was_written(organization: Organization, events: list[AuditEvent]) -> None:
    verdict = chain_verify(organization=organization)
    assert (verdict.sequence, verdict.head, verdict.broken) == (5, events[-1].hash, "")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/New_York"], ids=["utc", "quarter hours", "west"])
@pytest.mark.parametrize("ip", [None, "203.0.113.9", "2001:db8::1"])
def test_what_is_hashed_survives_the_way_through_the_database(
    organization: Organization, owner: User, zone: str, ip: str | None
) -> None:
    organization.reporting_zone = zone
    at = organization.local(timezone.now())
    changes = {"name": ("Zürich", "台北"), "tags": (["b"], ["a", "b"]), "open": (None, True), "days": (1, 30)}
    record(organization, now=at, by=Actor(owner, ip), changes=changes)
    assert chain_verify(organization=organization).broken == ""


def unlocked(statement: str, *values: Any) -> None:
    """What somebody does who has the database to themselves: first of all, take the lock off."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE organizations_auditevent DISABLE TRIGGER organizations_audit_append_only")
        cursor.execute(statement, values)
        cursor.execute("ALTER TABLE organizations_auditevent ENABLE TRIGGER organizations_audit_append_only")


TABLE = "organizations_auditevent"
COPY = (
    "organization_id, at, actor_id, actor_words, ip, action, subject_type, subject_id, subject_words, changes,"
    " previous_hash, hash"
)


@pytest.mark.parametrize(
    ("tampering", "words"),
    [
        (f"UPDATE {TABLE} SET subject_words = 'Another' WHERE sequence = 3", "event 3 was changed"),
        (f"UPDATE {TABLE} SET changes = '{{}}' WHERE sequence = 2", "event 2 was changed"),
        (f"UPDATE {TABLE} SET at = at - interval '1 hour' WHERE sequence = 1", "event 1 was changed"),
        (f"UPDATE {TABLE} SET actor_words = 'Somebody else' WHERE sequence = 5", "event 5 was changed"),
        (f"DELETE FROM {TABLE} WHERE sequence = 3", "event 3 is missing"),
        (f"DELETE FROM {TABLE} WHERE sequence = 1", "event 1 is missing"),
        (
            f"DELETE FROM {TABLE} WHERE sequence = 3; UPDATE {TABLE} SET sequence = sequence - 1 WHERE sequence > 3",
            "event 3 does not follow",
        ),
        (
            f"UPDATE {TABLE} SET sequence = 9 WHERE sequence = 5;"
            f" INSERT INTO {TABLE} (sequence, {COPY}) SELECT 5, {COPY} FROM {TABLE} WHERE sequence = 4;"
            f" UPDATE {TABLE} SET sequence = 6 WHERE sequence = 9",
            "event 5 does not follow",
        ),
        (
            f"UPDATE {TABLE} SET sequence = -sequence WHERE sequence IN (2, 3);"
            f" UPDATE {TABLE} SET sequence = 5 + sequence WHERE sequence < 0",
            "event 2 does not follow",
        ),
    ],
)
def test_tampering_is_found_at_the_first_event_it_touches(
    organization: Organization, events: list[AuditEvent], tampering: str, words: str
) -> None:
    unlocked(tampering)
    assert words in chain_verify(organization=organization).broken
    with pytest.raises(CommandError, match="1 of 1"):
        call_command("verify_audit_log", stdout=io.StringIO(), stderr=io.StringIO())


def test_a_cut_off_end_is_found_by_whoever_noted_the_head(organization: Organization, events: list[AuditEvent]) -> None:
    out = io.StringIO()
    call_command("verify_audit_log", stdout=out)
    noted = out.getvalue().split("head ")[1].strip()
    assert noted == f"5:{events[-1].hash}"
    record(organization, 6)
    call_command("verify_audit_log", organization=organization.pk, expect=noted, stdout=io.StringIO())
    unlocked(f"DELETE FROM {TABLE} WHERE sequence >= 5")
    assert chain_verify(organization=organization).broken == "", "the chain alone cannot tell"
    with pytest.raises(CommandError):
        call_command(
            "verify_audit_log",
            organization=organization.pk,
            expect=noted,
            stdout=io.StringIO(),
            stderr=io.StringIO(),
        )


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE {TABLE} SET subject_words = 'Another'",
        f"UPDATE {TABLE} SET actor_id = NULL, actor_words = 'Nobody'",
        f"DELETE FROM {TABLE}",
    ],
)
def test_the_database_refuses_changes_and_deletions(events: list[AuditEvent], statement: str) -> None:
    with pytest.raises(DatabaseError, match="never"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_events_outlive_their_person_and_go_with_their_organization(organization: Organization, owner: User) -> None:
    record(organization, by=Actor(owner, "203.0.113.9"))
    other = Organization.objects.create(name="Other")
    record(other)
    owner.delete()
    event = AuditEvent.objects.get(organization=organization)
    assert (event.actor_id, event.actor_words) == (None, "Mei Lin <mei@harbor.example>")
    assert chain_verify(organization=organization).broken == ""
    organization_delete(organization=organization)
    assert list(AuditEvent.objects.values_list("organization", flat=True)) == [other.pk]


@pytest.mark.django_db(transaction=True)
def test_many_writers_at_once_make_one_chain() -> None:
    organization = Organization.objects.create(name="Busy")
    start, failed = threading.Barrier(6), []

    def write(number: int) -> None:
        start.wait(20)
        try:
            for step in range(5):
                record(organization, 10 * number + step)
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    verdict = chain_verify(organization=organization)
    assert (verdict.sequence, verdict.broken) == (30, "")
    organization_delete(organization=organization)


# --- What is told -----------------------------------------------------------------------------------------------


def test_only_what_differs_is_told() -> None:
    assert changed({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == {"b": (2, 3), "c": (None, 4)}


def test_a_replaced_key_is_told_without_the_key(organization: Organization, owner: User, now: datetime) -> None:
    by = Actor(owner, "203.0.113.9")
    credential = credential_create(
        organization=organization,
        provider=PROVIDERS["deepseek"],
        values={"api_key": "sk-first-secret-0001"},
        label="Main",
        by=by,
        now=now,
    )
    credential_replace(credential=credential, values={"api_key": "sk-second-secret-0002"}, by=by, now=now)
    connected, replaced = AuditEvent.objects.order_by("sequence")
    assert (connected.action, replaced.action) == ("credential.connected", "credential.replaced")
    assert replaced.changes["api_key"] == [None, REPLACED]
    assert replaced.ip == "203.0.113.9"
    assert "secret" not in str(list(AuditEvent.objects.values_list("changes", "subject_words")))


def test_signing_in_and_out_is_told_to_every_organization_of_the_person(owner: User, now: datetime) -> None:
    other = Organization.objects.create(name="Second")
    Membership.objects.create(organization=other, user=owner, role=Role.VIEWER)
    client = Client(REMOTE_ADDR="198.51.100.7")
    token = sign_in_link_create(user=owner, now=timezone.now())
    client.post(reverse("sign_in_by_link", args=[token]))
    client.post(reverse("account_logout"))
    told = AuditEvent.objects.order_by("pk").values_list("organization__name", "action", "ip")
    assert sorted(told) == [
        (name, action, "198.51.100.7")
        for name in ("Harbor Labs", "Second")
        for action in ("person.signed_in", "person.signed_out")
    ]
    assert token not in str(list(AuditEvent.objects.values()))


def test_every_action_that_is_written_has_words() -> None:
    """Whoever adds an action adds what the page says of it."""
    written = {
        constant.value
        for path in (ROOT / "dashboard").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("audit_record", "_record")
        for constant in (*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "action"))
        if isinstance(constant, ast.Constant)
    }
    assert written <= set(WORDS)
    assert written, "the actions were found"


# --- The page ---------------------------------------------------------------------------------------------------


def test_what_changed_is_told_in_words(organization: Organization, owner: User) -> None:
    changes = {"role": ("viewer", "lead"), "expires_at": (None, "2026-12-22T05:12:33+00:00"), "base_url": (None, "x")}
    record(organization, by=Actor(owner, "203.0.113.9"), words="Search", changes=changes)
    page = " ".join(signed_in(owner).get(reverse(LOG)).content.decode().split())
    assert 'Role: Viewer → <span class="text-ink-2">Team lead' in page
    assert re.search(r'Expires: <span class="text-ink-2">22\sDec\s2026 \d\d:12', page)
    assert "Base url: " in page, "what nobody has words for is named as it was written"


def test_the_page_tells_who_what_when_and_from_where(organization: Organization, owner: User) -> None:
    record(organization, by=Actor(owner, "203.0.113.9"), words="Search", changes={"cost_centre": ("R1", "R2")})
    page = signed_in(owner).get(reverse(LOG)).content.decode()
    for words in ("Mei Lin", "changed the team", "Search", "203.0.113.9", "Cost centre: R1 → ", "R2"):
        assert words in page


def sentence(organization: Organization, language: str = "en", **more: Any) -> str:
    """Who did what to what, as the page writes it."""
    with translation.override(language):
        row = event_row(record(organization, **more))
        return " ".join([row["name"], row["words"], row["subject"]]).strip()


def test_a_sentence_keeps_what_it_is_about(organization: Organization, owner: User) -> None:
    told = sentence(organization, action="provider_key.assigned", words="Purser")
    assert told == "Purser said who owns the key Purser", "a key may be named as we are"
    assert sentence(organization, by=Actor(owner), action="person.signed_in", words="Mei Lin") == "Mei Lin signed in"
    left = sentence(organization, by=Actor(owner), action="member.left", words="Mei Lin <mei@harbor.example>")
    assert left == "Mei Lin left the organization"
    chosen = {"reporting_currency": ("USD", "EUR")}
    told = sentence(organization, action="organization.currency_chosen", words="Harbor Labs", changes=chosen)
    assert told == "Purser chose the reporting currency EUR"


@pytest.mark.parametrize("stored", ["whoever has the link", "持有連結的人"])
def test_an_open_invitation_is_told_in_the_readers_language(organization: Organization, stored: str) -> None:
    assert sentence(organization, action="invitation.created", words=stored).endswith("for whoever has the link")
    assert sentence(organization, "zh-hant", action="invitation.created", words=stored).endswith("持有連結的人")
    address = "somebody.with.a.long.name.2026@harbor.example"
    assert sentence(organization, action="invitation.created", words=address).endswith(address)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("9d78c8df831f1105124ab969f8561fc36d68e051a98457182242adf40d84b576", "9d78c8…b576"),
        ("0d1f6a52-7c1e-4a8b-9d4e-2f6a7b8c9d0e", "0d1f6a…9d0e"),
        ("apikey_01PKZAbCdEfGhIjKlMnOpQrS", "apikey…pQrS"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5-20251001"),
        ("Infrastructure-and-Platform-2026", "Infrastructure-and-Platform-2026"),
        ("LiteLLM, production", "LiteLLM, production"),
    ],
)
def test_a_name_that_only_a_machine_reads_is_shortened(organization: Organization, name: str, shown: str) -> None:
    row = event_row(record(organization, action="allocation.made", words=name))
    assert (row["subject"], row["whole"]) == (shown, name if shown != name else "")


def test_what_was_entered_is_named_as_where_it_is_entered(organization: Organization) -> None:
    words, changes = "DeepSeek: Main", {"api_key": (None, REPLACED), "scopes": (None, ["usage:write", "read"])}
    row = event_row(record(organization, action="credential.connected", words=words, changes=changes))
    assert [one["field"] for one in row["changes"]] == ["API key", "May"]
    assert row["changes"][1]["after"] == "Send usage, Read figures"
    row = event_row(record(organization, action="invitation.created", words="", changes={"days": (None, 7)}))
    assert [(one["field"], one["after"]) for one in row["changes"]] == [("Valid for", "7 days")]


def test_every_scope_of_a_token_has_its_words() -> None:
    assert dict(SCOPES) == {scope.value: str(scope.label) for scope in TokenScope}


def test_whoever_has_no_address_is_told_apart_from_us(organization: Organization, owner: User) -> None:
    at = [event_row(record(organization, by=by))["where"] for by in (SYSTEM, Actor(owner), Actor(owner, "203.0.113.9"))]
    assert at == ["by itself", "address not told", "203.0.113.9"]


def test_days_are_to_be_widened_only_where_days_were_chosen(organization: Organization, owner: User) -> None:
    client = signed_in(owner)
    assert "Widen the days" not in (page := client.get(f"{reverse(LOG)}?q=nothing-like-this").content.decode())
    assert "No entry names “nothing-like-this”." in page
    assert "Widen the days" in client.get(f"{reverse(LOG)}?first=2099-01-01").content.decode()


def test_what_others_typed_is_escaped(organization: Organization, owner: User) -> None:
    record(organization, words="<script>alert(1)</script>", changes={"name": ("<b>", "<i>x")})
    page = signed_in(owner).get(reverse(LOG)).content.decode()
    assert "<script>alert" not in page
    assert "<i>x" not in page


def subjects(client: Client, query: str) -> list[str]:
    text = b"".join(client.get(f"{reverse(CSV)}?{query}")).decode()
    return [row["subject"] for row in csv.DictReader(io.StringIO(text))]


FILTERS: list[tuple[Callable[[User], str], list[str]]] = [
    (lambda person: f"person={person.pk}", ["New 100% team"]),
    (lambda person: "group=team", ["New 100% team", "Old team"]),
    (lambda person: "group=demo", []),
    (lambda person: "group=nonsense", ["New 100% team", "Key", "Old team"]),
    (lambda person: "q=100%25", ["New 100% team"]),
    (lambda person: "q=%25", ["New 100% team"]),
    (lambda person: "q=_", []),
    (lambda person: "first=2026-11-19", ["New 100% team", "Key"]),
    (lambda person: "last=2026-11-18", ["Old team"]),
    (lambda person: "first=2026-02-31&last=x&person=x&q=" + "z" * 5, []),
]


@pytest.mark.parametrize(("query", "expected"), FILTERS)
def test_filters(
    organization: Organization, owner: User, now: datetime, query: Callable[[User], str], expected: list[str]
) -> None:
    # Asia/Taipei is eight hours ahead: 18 November 15:59 UTC is the last minute of its day there.
    record(organization, words="Old team", now=datetime.fromisoformat("2026-11-18T15:59:00+00:00"))
    record(organization, words="Key", action="credential.rechecked", now=now - timedelta(days=1))
    record(organization, words="New 100% team", by=Actor(owner), now=now)
    client = Client()
    client.force_login(owner)
    # Signing in has left a line of its own.
    found = [one for one in subjects(client, query(owner)) if one != "Mei Lin"]
    assert found == expected


def test_long_logs_come_page_by_page_with_the_same_number_of_statements(
    organization: Organization, owner: User, django_assert_max_num_queries: Any
) -> None:
    client = signed_in(owner)
    for number in range(60):
        record(organization, number)
    client.get(reverse("healthz"))  # once in five minutes it is noted that the person was here
    with django_assert_max_num_queries(6):
        first = client.get(reverse(LOG)).content.decode()
    assert "Team 59" in first
    assert "Team 9<" not in first
    before = AuditEvent.objects.get(subject_words="Team 10").sequence
    assert f"before={before}" in first
    rest = client.get(f"{reverse(LOG)}?before={before}").content.decode()
    assert "Team 9<" in rest
    assert "Team 10<" not in rest


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("-", "'-"),
        ("-12.50", "-12.50"),
        ("plain", "plain"),
        (None, ""),
        (7, "7"),
    ],
)
def test_no_cell_is_a_formula(value: Any, safe: str) -> None:
    assert cell(value) == safe


def test_the_csv_holds_no_formula(organization: Organization, owner: User) -> None:
    record(organization, words='=HYPERLINK("http://evil.example","x")')
    assert subjects(signed_in(owner), "group=team") == ['\'=HYPERLINK("http://evil.example","x")']


def test_another_organizations_log_is_not_read(organization: Organization, owner: User) -> None:
    record(Organization.objects.create(name="Other"), words="Not yours")
    client = signed_in(owner)
    assert "Not yours" not in client.get(reverse(LOG)).content.decode()
    assert "Not yours" not in subjects(client, "")
    assert not audit_events(organization=organization, chosen=Filter(text="Not yours")).exists()
