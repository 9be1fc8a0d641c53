"""Context processors of the core: the nonce, and the places that the frame of every page leads to."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.urls import get_script_prefix, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop


@dataclass(frozen=True, slots=True)
class Place:
    """One line of the sidebar, of the phone's bars and of the palette. `needs` names the property of a membership
    without which the place is not there; `group` is the heading that it stands under."""

    room: str
    name: str
    view: str
    icon: str
    keys: str = ""
    needs: str = ""
    group: str = ""

    @property
    def title(self) -> str:
        return _(self.name)

    @property
    def heading(self) -> str:
        return _(self.group) if self.group else ""

    @property
    def url(self) -> str:
        return _address_of(self.view, get_script_prefix())

    @property
    def hint(self) -> str:
        """How the keys are written beside the name: "G O"."""
        return self.keys.upper()


@cache
def _address_of(view: str, _prefix: str) -> str:
    """Every page leads to every place two or three times."""
    return reverse(view)


_PEOPLE = gettext_noop("Organization")
# In this order everywhere; the first four are the tabs of a phone.
PLACES = (
    Place("overview", gettext_noop("Overview"), "overview:overview", icon="layout-dashboard", keys="g o"),
    Place("accounts", gettext_noop("Accounts"), "credentials:account_list", icon="wallet", keys="g a"),
    Place("spend", gettext_noop("Spend"), "usage:explorer", icon="chart-no-axes-combined", keys="g s"),
    Place("keys", gettext_noop("Keys"), "keys:key_list", icon="key-round", keys="g k"),
    Place("routing", gettext_noop("Routing"), "routing:policies", icon="route", keys="g r"),
    Place("providers", gettext_noop("Providers"), "credentials:provider_list", icon="plug", keys="g p"),
    Place("teams", gettext_noop("Teams"), "organizations:teams", icon="users", keys="g t", group=_PEOPLE),
    Place("members", gettext_noop("Members"), "organizations:members", icon="contact", keys="g m", group=_PEOPLE),
    Place(
        "audit_log",
        gettext_noop("Audit log"),
        "organizations:audit_log",
        icon="scroll-text",
        keys="g u",
        needs="may_manage",
        group=_PEOPLE,
    ),
    Place(
        "settings",
        gettext_noop("Settings"),
        "organizations:settings",
        icon="settings",
        keys="g ,",
        needs="may_manage",
        group=_PEOPLE,
    ),
)


def places_for(membership: object) -> tuple[Place, ...]:
    """The places that somebody with that membership may go to; none for strangers."""
    if membership is None:
        return ()
    return tuple(one for one in PLACES if not one.needs or getattr(membership, one.needs))


# Pages that stand behind a place of the navigation, under the name of that place.
_ROOMS = {
    "member": "members",
    "member_link": "members",
    "invite": "members",
    "team": "teams",
    "team_new": "teams",
    "outbox": "settings",
    "usage_api": "settings",
    "currency": "settings",
    "rate": "settings",
    "rate_new": "settings",
    "explorer": "spend",
    "estimates": "spend",
    "rules": "spend",
    "rule": "spend",
    "rule_new": "spend",
    "account_email": "mfa_index",
    "account_change_password": "mfa_index",
    "account_set_password": "mfa_index",
    "socialaccount_connections": "mfa_index",
}


def csp(request: HttpRequest) -> dict[str, str]:
    """`csp_nonce`: what an inline or external script needs to run on this page."""
    return {"csp_nonce": getattr(request, "csp_nonce", "")}


def room(request: HttpRequest) -> dict[str, str]:
    """`room`: the part of Purser that this page belongs to, for the navigation; "" where nobody knows the address."""
    match = request.resolver_match
    if match is None:
        return {"room": ""}
    page = match.url_name or ""
    if page in _ROOMS:
        return {"room": _ROOMS[page]}
    if page.startswith(("provider_", "described_")):
        return {"room": "providers"}
    if page.startswith("mfa_"):
        return {"room": "mfa_index"}
    if match.namespace == "keys":
        return {"room": "keys"}
    if match.namespace in ("credentials", "usage", "imports", "sync"):
        return {"room": "accounts"}
    if match.namespace == "routing":
        return {"room": "routing"}
    return {"room": "overview" if match.namespace == "overview" and page != "palette" else page}


def places(request: HttpRequest) -> dict[str, Any]:
    """`places`: where the navigation leads this person."""
    return {"places": places_for(getattr(request, "membership", None))}
