"""Values that look real, for every component in every state. The providers are those of the registry, the rest is made
up."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict
from django.urls import reverse

from dashboard.core.addresses import chips
from dashboard.core.cursors import Order
from dashboard.core.drawing import horizon_geometry, meter_geometry, sparkline_points
from dashboard.core.fields import DayInput
from dashboard.core.period import period_picker
from dashboard.core.tables import Column, Table
from dashboard.core.templatetags.purser import STATES
from dashboard.overview.styleguide.charts import chart_samples
from providers.registry import PROVIDERS
from providers.spec import CAPABILITIES

NAMES = sorted(PROVIDERS)
TABLE = Table(
    name="sample",
    columns=(
        Column(name="account", label="Account", order=(Order(name="name"),), always=True),
        Column(name="team", label="Team", order=(Order(name="team"),), shown=False),
        Column(
            name="balance", label="Balance", order=(Order(name="amount", kind="number"),), numeric=True, falling=True
        ),
        Column(name="state", label="State"),
    ),
    sort="balance",
    falling=True,
    size=4,
)


class SampleForm(forms.Form):
    """One field of each kind, some of them filled in wrongly."""

    name = forms.CharField(label="Name", help_text="As people call it; the provider never sees it.", initial="Harbor")
    key = forms.CharField(
        label="API key", help_text="Read-only is enough.", widget=forms.PasswordInput(attrs={"placeholder": "sk-…"})
    )
    amount = forms.DecimalField(label="Balance", help_text="As the provider's console shows it.", required=False)
    address = forms.URLField(label="Address", help_text="With https in front.", assume_scheme="https")
    unit = forms.ChoiceField(label="Unit", choices=[("USD", "USD"), ("CNY", "CNY")], help_text="What it is held in.")
    day = forms.DateField(label="On", help_text="In the reporting zone.", widget=DayInput(), required=False)
    notes = forms.CharField(
        label="Notes", help_text="For colleagues.", widget=forms.Textarea(attrs={"rows": 3}), required=False
    )
    tells = forms.BooleanField(label="Tell me by e-mail", help_text="At most once a day.", required=False)
    teams = forms.MultipleChoiceField(
        label="Teams",
        choices=[("search", "Search"), ("support", "Support")],
        help_text="Who may see it.",
        widget=forms.CheckboxSelectMultiple(attrs={"class": "chk"}),
        required=False,
    )


class ShortForm(forms.Form):
    """One that was sent with nothing in it."""

    hidden = forms.CharField(widget=forms.HiddenInput)
    team = forms.CharField(label="Team", help_text="A short name.")


def samples(query: QueryDict, now: datetime) -> dict[str, Any]:
    """Everything that the style page draws."""
    return {
        **_figures(now),
        **_tables(query, now),
        **chart_samples(now),
        "states": [name for name in STATES if name not in ("ok", "read", "warn")],
        "horizon": _horizon(),
        "results": _results(),
        "short": ShortForm({"hidden": "1"}),
        "form": SampleForm({"name": "Harbor", "address": "harbor", "teams": ["search"], "unit": "USD"}),
        "strip": {
            "fresh": 38,
            "total": 41,
            "ticks": [{"state": _hour(number), "title": _hour(number)} for number in range(24)],
            "url": "#drawings",
        },
        "capabilities": [
            {"name": name, "offered": ("yes", "part", "no")[number % 3], "reason": ""}
            for number, name in enumerate(CAPABILITIES)
        ],
        "lost": [
            {"label": "Lost", "words": "2 keys, 90 days"},
            {"label": "Stays", "words": "The audit log"},
            {"label": "Hit", "words": "1 team"},
        ],
        "toasts": [("info", "Sync started"), ("success", "Account connected"), ("warning", "The key ends on Friday")],
    }


def _hour(number: int) -> str:
    return {5: "warn", 6: "crit", 19: "warn", 0: "none", 1: "none"}.get(number, "ok")


def _account(number: int, label: str = "Production") -> dict[str, Any]:
    provider = PROVIDERS[NAMES[number % len(NAMES)]]
    return {
        "id": number,
        "label": label,
        "provider_name": provider.name,
        "icon": provider.slug,
        "url": reverse("credentials:account_list"),
    }


def _figures(now: datetime) -> dict[str, Any]:
    start = now - timedelta(days=30)
    falling = [(start + timedelta(days=day), Decimal(900 - 28 * day + (700 if day > 14 else 0))) for day in range(31)]
    topup = [start + timedelta(days=15)]
    looks = [("", False), ("warn", False), ("crit", False), ("", True)]
    return {
        "at": now - timedelta(minutes=4),
        "amount": Decimal("1284.5"),
        "stats": [
            {"label": "Balance", "amount": Decimal("1284.50"), "unit": "CNY", "at": now - timedelta(minutes=4)},
            {
                "label": "Runway",
                "words": "2.1 to 3.4 d",
                "severity": "warn",
                "note": "dry between Mon 23 and Tue 24 Nov",
            },
            {"label": "Spend this month", "amount": Decimal("9412.07"), "unit": "USD", "note": "provisional"},
            {"label": "Credit", "amount": None, "unit": "USD", "none": "not offered", "source": "typed in instead"},
        ],
        "sparks": [
            sparkline_points(falling, start=start, end=now, topups=topup, dashed=dashed, severity=severity)
            for severity, dashed in looks
        ],
        "meters": _meters(),
    }


def _meters() -> list[tuple[Any, ...]]:
    """(bar, share, label, note, sentence on the end)."""
    told = [
        (41, 60, None, "Requests", "week", ""),
        (62, 64, 97, "Budget", "month", "ends near 97 %"),
        (81, 55, 147, "Tokens", "5 h", "full Sun about 04:00"),
        (94, 97, None, "Spend limit", "month", ""),
        (137, 80, None, "Team budget", "month", "over since Tue 17 Nov"),
        (None, None, None, "Seats", "", ""),
    ]
    return [
        (meter_geometry(share, elapsed=elapsed, ends_near=end), share, label, note, ends)
        for share, elapsed, end, label, note, ends in told
    ]


def _horizon() -> list[dict[str, Any]]:
    bands = [("0.3", "0.5", "0.4", "7 to 11 h", "Sat"), ("2.1", "3.4", "2.7", "2.1 to 3.4 d", "Mon to Tue")]
    bands.append(("18", "29", "24", "18 to 29 d", "9 to 20 Dec"))
    return [
        {
            "account": _account(number),
            "cause": "$96.20 a day",
            "band": horizon_geometry(Decimal(low), Decimal(high), Decimal(likely)),
            "words": words,
            "when_words": when,
        }
        for number, (low, high, likely, words, when) in enumerate(bands)
    ]


def _results() -> list[dict[str, Any]]:
    lines = [
        {"capability": "balance", "state": "passed", "words": "¥1,284.50 CNY", "seconds": 0.212},
        {"capability": "usage", "state": "refused", "words": "The key may not read usage.", "seconds": 0.18},
        {"capability": "keys", "state": "not_offered", "words": "", "seconds": None},
        {"capability": "models", "state": "not_tried", "words": "", "seconds": None},
    ]
    return [
        {"verdict": "valid", "sentence": "It reads balance and models.", "lines": lines[:1]},
        {
            "verdict": "missing_scope",
            "sentence": "Usage needs one more permission.",
            "next_step": "Add the permission",
            "url": "https://example.com/keys",
            "lines": lines,
        },
        {
            "verdict": "unreachable",
            "sentence": "Nothing answered, so the key was not judged.",
            "next_step": "Check the connection, then try again.",
            "lines": [],
        },
    ]


def _tables(query: QueryDict, now: datetime) -> dict[str, Any]:
    view = TABLE.read(query)
    rows = [
        {
            "pk": number,
            "account": account,
            "name": account["provider_name"].casefold(),
            "team": ("Search", "Support")[number % 2],
            "amount": Decimal(1900 - 137 * number) / (number + 1),
            "state": ("fresh", "fresh", "stale", "provisional")[number % 4],
        }
        for number, account in ((number, _account(number)) for number in range(9))
    ]
    part = query.get("part", "usage")
    return {
        "view": view,
        "page": view.page_of_list(rows),
        "picker": period_picker(query, now.date()),
        "kinds": chips(query, "kind", [("wallet", "Wallets", 14), ("bill", "Bills", 10), ("plan", "Plans", 4)]),
        "owners": chips(query, "team", [("search", "Search", 6), ("support", "Support", 3)]),
        "tabs": [
            {"label": label, "url": f"?part={name}#tabs", "current": name == part, "count": count}
            for name, label, count in (("usage", "Usage", None), ("limits", "Limits", 3), ("streams", "Streams", None))
        ],
    }
