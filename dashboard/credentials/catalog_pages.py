"""What the providers pages print: the registry's catalog in the reader's language, with the accounts in scope."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dashboard.core.languages.joining import either, listed, sentences
from dashboard.core.languages.phrases import told
from dashboard.credentials.catalog import OWN
from dashboard.credentials.models import ProviderAccount
from dashboard.credentials.selectors import provider_card
from dashboard.organizations.scope import Scope
from providers.catalog import Entry, Told, catalog, entry_of
from providers.registry import PROVIDERS
from providers.spec import AuthKind, BaseUrl, Field, Provider, WireProtocol

# status: glyph and look, as states are drawn
STATUSES: dict[str, tuple[str, str, Promise]] = {
    "official": ("g-ok", "st-ok", gettext_lazy("Official")),
    "observed": ("g-half", "", gettext_lazy("Observed")),
    "unverified": ("g-wait", "", gettext_lazy("Unverified")),
    "not_offered": ("g-off", "st-off", gettext_lazy("Not offered")),
}
_AUTH: dict[AuthKind, Promise] = {
    "bearer_key": gettext_lazy("Bearer key"),
    "named_header": gettext_lazy("Key in a named header"),
    "service_account": gettext_lazy("Service account"),
    "client_credentials": gettext_lazy("Client credentials"),
    "signed_requests": gettext_lazy("Signed requests"),
    "oauth_app": gettext_lazy("OAuth app"),
    "none": gettext_lazy("No key on your own server"),
}
PROTOCOLS: dict[WireProtocol, Promise] = {
    "OpenAICompatible": gettext_lazy("Chat Completions API"),
    "OpenAIResponses": gettext_lazy("Responses API"),
    "DirectAnthropic": gettext_lazy("Messages API"),
}
_USES: dict[str, Promise] = {
    "inference": gettext_lazy("Calls of models"),
    "account": gettext_lazy("Account figures"),
    "both": gettext_lazy("Calls and account figures"),
}


# What kind of account a provider's is, in the order of the grid.
_GROUPS: dict[str, Promise] = {
    "money": gettext_lazy("Prepaid and pay as you go"),
    "seats": gettext_lazy("Seats and subscriptions"),
    "server": gettext_lazy("Your own servers"),
    "own": gettext_lazy("Described by you"),
}


def provider_groups(providers: Iterable[Provider], connected: Collection[str]) -> list[dict[str, Any]]:
    """The cards of the grid, under the kind of account that they are."""
    groups: dict[str, list[dict[str, Any]]] = {kind: [] for kind in _GROUPS}
    for provider in providers:
        groups[_kind(provider)].append(provider_card(provider, connected))
    return [{"title": str(_GROUPS[kind]), "providers": cards} for kind, cards in groups.items() if cards]


def _kind(provider: Provider) -> str:
    if provider.slug.startswith(OWN):
        return "own"
    return "server" if provider.may_sleep else "seats" if provider.subscription else "money"


def catalog_rows(
    *, own: Iterable[Provider], scope: Scope, words: str = "", tells: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Registered providers and the organization's `own` ones whose name or summary holds `words` and that offer all of
    `tells`, by name."""
    counts, sought = _accounts_by_provider(scope), words.lower()
    return [
        _row(entry, counts.get(entry.slug, 0))
        for entry in catalog({**PROVIDERS, **{one.slug: one for one in own}})
        if (sought in entry.name.lower() or sought in told(entry.summary).lower()) and entry.tells.issuperset(tells)
    ]


def _accounts_by_provider(scope: Scope) -> dict[str, int]:
    counted = ProviderAccount.objects.filter(scope.accounts()).values("provider_slug").annotate(count=Count("pk"))
    return dict(counted.values_list("provider_slug", "count"))


def catalog_page(*, provider: Provider, scope: Scope) -> dict[str, Any]:
    """Everything that is declared of one provider, and its accounts in scope."""
    entry = entry_of(provider)
    chosen = ProviderAccount.objects.filter(scope.accounts(), provider_slug=provider.slug)
    accounts = list(chosen.order_by("label", "pk")[:50])
    return {
        **_row(entry, chosen.count()),
        "warning": told(provider.key_warning),
        "docs_url": entry.docs_url,
        "console_url": entry.console_url,
        "base_urls": [_base(base) for base in entry.base_urls],
        "fields": [_field(field) for field in entry.fields],
        "accounts": [{"label": one.label, "url": reverse("credentials:account", args=[one.pk])} for one in accounts],
    }


def _row(entry: Entry, accounts: int) -> dict[str, Any]:
    return {
        "slug": entry.slug,
        "name": entry.name,
        "icon": entry.slug,
        "summary": told(entry.summary),
        "url": reverse("credentials:provider_detail", args=[entry.slug]),
        "connect_url": reverse("credentials:connect_form", args=[entry.slug]),
        "told": [_told(one) for one in entry.told],
        "auth": [str(_AUTH[kind]) for kind in entry.auth],
        "protocols": [str(PROTOCOLS[protocol]) for protocol in entry.protocols],
        "streaming": entry.streaming,
        "tool_use": entry.tool_use,
        "self_hosted": entry.self_hosted,
        "checked": entry.checked,
        "count": accounts,
    }


def _told(one: Told) -> dict[str, Any]:
    glyph, look, word = STATUSES[one.status]
    return {
        "name": one.capability,
        "offered": one.offered,
        "glyph": glyph,
        "look": look,
        "word": str(word),
        "pace": _pace_words(one),
        "source": one.source,
        "reason": told(one.reason),
        "fallback": told(one.fallback),
        "estimated": told(one.estimated),
    }


def _pace_words(one: Told) -> str:
    """How often it is read, how far back, and with what."""
    if one.interval is None or one.history is None:
        return ""
    back = _("%(span)s back") % {"span": span_words(one.history)} if one.history else _("No history")
    words = [_every_words(one.interval), back]
    if one.needs:
        needs = listed(either(map(told, labels)) for labels in one.needs)
        words.append(_("Needs: %(needs)s") % {"needs": needs})
    return sentences(words)


def _every_words(interval: timedelta) -> str:
    if interval == timedelta(days=1):
        return _("Read daily")
    if interval == timedelta(hours=1):
        return _("Read hourly")
    return _("Read every %(span)s") % {"span": span_words(interval)}


def span_words(length: timedelta) -> str:
    """The largest unit that measures a length whole: "5 minutes", "6 hours", "90 days"."""
    if length % timedelta(days=1) == timedelta(0):
        return ngettext("%(count)d day", "%(count)d days", length.days) % {"count": length.days}
    hours, rest = divmod(length, timedelta(hours=1))
    if not rest:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    minutes = length // timedelta(minutes=1)
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}


def _base(base: BaseUrl) -> dict[str, Any]:
    return {"url": base.url, "label": told(base.label), "use": str(_USES[base.use]), "backup": base.backup}


def _field(field: Field) -> dict[str, Any]:
    return {
        "label": told(field.label),
        "secret": field.secret,
        "required": field.required,
        "help": told(field.help),
        "scopes": field.scopes,
        "header": field.header if field.secret and field.header != "Authorization" else "",
        "environment": field.environment or "",
        "can_spend": field.can_spend,
        "url": field.url or "",
    }
