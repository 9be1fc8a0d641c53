"""What needs somebody, worst first."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.balances.models import BalanceSeries, QuotaSeries
from dashboard.balances.selectors import quota_meter, quota_window, runway_row
from dashboard.core.languages.joining import listed
from dashboard.core.languages.phrases import told
from dashboard.core.templatetags.purser import capability_word, moment, percent
from dashboard.credentials.models import CredentialState, ProviderCredential
from dashboard.credentials.selectors import EXPIRY_NEAR, OLD_AFTER, credentials_to_mind
from dashboard.organizations.scope import Scope
from dashboard.overview.home.dry import dry_words
from dashboard.sync.models import StreamState, SyncStream
from dashboard.sync.selectors import attention

ROWS = 6
MOST = 4 * ROWS  # streams to look at: several may be told as one
DRY_WITHIN_DAYS = 1
Item = dict[str, Any]


def attention_items(
    scope: Scope, faces: Sequence[BalanceSeries], quotas: Sequence[QuotaSeries], now: datetime
) -> list[Item]:
    """`faces` are the balances that end soonest, `quotas` the fullest limits first."""
    items: list[Item] = [_key_item(one, now) for one in credentials_to_mind(scope=scope, now=now, limit=ROWS)]
    # A key that was refused has an item of its own, which says why its streams rest.
    streams = [one for one in attention(scope=scope, limit=MOST) if one.credential.state != CredentialState.REFUSED]
    items += [_trouble_item(list(alike)) for _key, alike in groupby(streams, _trouble)]
    items += [item for series in faces[:3] if (item := _dry_item(series, now))]
    items += [_full_item(series, now) for series in quotas if _full(series, now)][:3]
    items.sort(key=lambda item: item["severity"] != "crit")
    return items[:ROWS]


def _key_item(credential: ProviderCredential, now: datetime) -> dict[str, Any]:
    """A key that was refused, ends soon, or is old."""
    name = credential.account.provider_name
    item = {"url": reverse("credentials:check", args=[credential.pk]), "manages": True, "severity": "warn"}
    if credential.state == CredentialState.REFUSED:
        title, detail, action = _("%(name)s refused the key"), told(credential.check_message), _("Fix")
        item["severity"] = "crit"
    elif credential.expires_on is not None:
        title, detail, action = _("A key of %(name)s ends"), expiry_words(credential, now), _("Rotate")
        item["severity"] = "crit" if (credential.expires_on - now.date()).days <= 3 else "warn"
    else:
        title, action = _("A key of %(name)s is more than a year old"), _("Rotate")
        detail = _("Rotate it, or say when it expires to be reminded then.")
    return item | {"title": title % {"name": name}, "detail": detail, "action": action}


def _trouble(stream: SyncStream) -> tuple[object, ...]:
    """Streams of one key that say the same have one cause, so they are told as one."""
    return stream.credential_id, stream.state, stream.message


def _trouble_item(streams: Sequence[SyncStream]) -> Item:
    stream, paused = streams[0], streams[0].state == StreamState.PAUSED
    account, count = stream.credential.account, len(streams)
    if count == 1:
        words = _("%(name)s %(what)s is paused") if paused else _("%(name)s %(what)s keeps failing")
    elif paused:
        words = ngettext("%(count)d stream of %(name)s is paused", "%(count)d streams of %(name)s are paused", count)
    else:
        words = ngettext(
            "%(count)d stream of %(name)s keeps failing", "%(count)d streams of %(name)s keep failing", count
        )
    what = capability_word(stream.capability).lower()
    return {
        "severity": "warn" if paused else "crit",
        "title": words % {"name": account.provider_name, "what": what, "count": count},
        "detail": told(stream.message),
        "url": reverse("credentials:check", args=[stream.credential_id])
        if paused
        else reverse("credentials:account", args=[account.pk]) + "#streams",
        "manages": paused,
        "action": _("Fix") if paused else _("Look"),
    }


def _dry_item(series: BalanceSeries, now: datetime) -> Item | None:
    runway = runway_row(series, now)
    if runway is None or runway.low_days is None or runway.low_days >= DRY_WITHIN_DAYS:
        return None
    title = _("%(name)s is empty") if runway.high_days == 0 else _("%(name)s runs dry in %(words)s")
    return {
        "severity": "crit",
        "title": title % {"name": series.account.provider_name, "words": runway.words},
        "detail": dry_words(runway.low_days, runway.high_days, now),
        "url": reverse("credentials:account", args=[series.account_id]),
        "action": _("Look"),
    }


def _full(series: QuotaSeries, now: datetime) -> bool:
    """Whether its bar is red: from nine tenths on, until it begins anew."""
    meter = quota_meter(series, now)
    return meter is not None and meter.severity == "crit"


def _full_item(series: QuotaSeries, now: datetime) -> Item:
    name, share = series.account.provider_name, series.percent_used or 0
    title = _("The quota of %(account)s is used up") if share >= 100 else _("A quota of %(account)s is at %(share)s")
    resets = _("resets %(moment)s") % {"moment": moment(series.resets_at)} if series.resets_at else ""
    return {
        "severity": "crit",
        "title": title % {"account": name, "share": percent(share)},
        "detail": listed(words for words in (quota_window(series, now)["name"], resets) if words),
        "url": reverse("credentials:account", args=[series.account_id]) + "#quotas",
        "action": _("Look"),
    }


def expiry_words(credential: ProviderCredential, now: datetime) -> str:
    """When a key ends, from two weeks before, or how old it is from a year on; else ""."""
    if credential.expires_on is None:
        entered = credential.secrets_changed_at
        if entered is None or now - entered < OLD_AFTER or not credential.secret_hints:
            return ""
        return _("%(days)d days old") % {"days": (now - entered).days}
    left = (credential.expires_on - now.date()).days
    if left > EXPIRY_NEAR.days:
        return ""
    if left <= 0:
        return (
            _("expired %(day)s") % {"day": date_format(credential.expires_on, "j M Y")} if left else _("expires today")
        )
    return ngettext("expires in %(days)d day", "expires in %(days)d days", left) % {"days": left}
