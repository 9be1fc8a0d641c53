"""The audit log, to read and to take along."""

import csv
from collections.abc import Iterator
from datetime import date
from itertools import chain
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from dashboard.core.csv_cells import cell
from dashboard.organizations.access import access
from dashboard.organizations.audit.log import GROUPS, MOST_CHARACTERS, Filter, audit_events, event_row
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.models import Membership, User
from dashboard.organizations.scope import Access

PAGE = 50
MOST_ROWS = 100_000
HEAD = ("sequence", "at_utc", "who", "ip", "action", "subject", "changes")


@access(Access.MANAGE)
@require_GET
def audit_log(request: PurserRequest) -> HttpResponse:
    chosen, before = _filter(request), _number(request, "before")
    events = list(audit_events(organization=request.organization, chosen=chosen, before=before)[: PAGE + 1])
    members = Membership.objects.filter(organization=request.organization).select_related("user").order_by("user__name")
    people = [one.user for one in members]
    context = {
        "events": [event_row(event) for event in events[:PAGE]],
        "more": events[PAGE - 1].sequence if len(events) > PAGE else None,
        "later": before is not None,
        "chosen": chosen,
        "chips": _chips(request, chosen, people),
        "people": people,
        "groups": [(name, _(words)) for name, words in GROUPS.items()],
    }
    return render(request, "organizations/audit_log.html", context)


@access(Access.MANAGE)
@require_GET
def audit_csv(request: PurserRequest) -> StreamingHttpResponse:
    """Exactly what the page's filter shows, newest first, at most 100,000 rows."""
    events = audit_events(organization=request.organization, chosen=_filter(request))[:MOST_ROWS]
    writer = csv.writer(_Echo())

    def lines() -> Iterator[str]:
        for event in events.iterator(1000):
            changes = "; ".join(f"{name}: {before} → {after}" for name, (before, after) in event.changes.items())
            values = (event.sequence, event.at.isoformat(), event.actor_words, event.ip, event.action)
            yield writer.writerow([cell(value) for value in (*values, event.subject_words, changes)])

    response = StreamingHttpResponse(chain([writer.writerow(HEAD)], lines()), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="purser-audit-log.csv"'
    return response


class _Echo:
    """A file that hands back what is written to it: the csv module's lines, one by one."""

    def write(self, text: str) -> str:
        return text


def _filter(request: PurserRequest) -> Filter:
    """What the address asks for; what makes no sense in it is left out."""
    wanted = request.GET
    return Filter(
        actor_id=_number(request, "person"),
        group=wanted.get("group", "") if wanted.get("group", "") in GROUPS else "",
        first=_day(wanted.get("first", "")),
        last=_day(wanted.get("last", "")),
        text=wanted.get("q", "").replace("\0", "").strip()[:MOST_CHARACTERS],
    )


def _chips(request: PurserRequest, chosen: Filter, people: list[User]) -> list[dict[str, Any]]:
    """What is filtered by, each with the address that leaves it out."""
    who = next((str(one) for one in people if one.pk == chosen.actor_id), _("somebody else"))
    told = [
        ("q", _("Search"), chosen.text),
        ("person", _("Person"), "" if chosen.actor_id is None else who),
        ("group", _("Kind of change"), _(GROUPS[chosen.group]) if chosen.group else ""),
        ("first", _("From"), chosen.first and date_format(chosen.first, "SHORT_DATE_FORMAT")),
        ("last", _("To"), chosen.last and date_format(chosen.last, "SHORT_DATE_FORMAT")),
    ]
    chips = []
    for key, label, words in told:
        if words:
            rest = request.GET.copy()
            for gone in (key, "before"):
                rest.pop(gone, None)
            chips.append({"label": label, "words": words, "without": f"?{rest.urlencode()}"})
    return chips


def _number(request: PurserRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else None


def _day(text: str) -> date | None:
    try:
        found = parse_date(text)
    except ValueError:  # well formed, but no such day
        return None
    return found if found and 2000 <= found.year < 2200 else None
