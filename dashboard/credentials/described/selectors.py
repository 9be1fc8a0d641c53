"""Reads of descriptions: who uses them, and what an edit would break."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.core.languages.phrases import told
from dashboard.credentials.catalog import DescribedProvider, bound_to
from dashboard.credentials.models import ProviderAccount, ProviderCredential
from providers.described import DocumentProblem, Problem, problems, provider_from
from providers.presets import presets
from providers.spec import CAPABILITIES, Endpoint, Provider

MOST_NAMED = 5


def described_of(*, organization_id: int) -> list[DescribedProvider]:
    return list(DescribedProvider.objects.filter(organization_id=organization_id).order_by("name", "pk"))


def accounts_using(described: DescribedProvider) -> list[ProviderAccount]:
    """Accounts that are read by this description, those without a key included: their figures name it."""
    chosen = ProviderAccount.objects.filter(organization_id=described.organization_id, provider_slug=described.slug)
    return list(chosen.order_by("label", "pk"))


def accounts_words(accounts: Sequence[ProviderAccount]) -> str:
    """The labels of some accounts, and how many more there are."""
    words = ", ".join(account.label for account in accounts[:MOST_NAMED])
    more = len(accounts) - MOST_NAMED
    if more <= 0:
        return words
    return words + " " + ngettext("and %(count)d more", "and %(count)d more", more) % {"count": more}


def preset_choices() -> list[tuple[str, str]]:
    """(name of the preset, words), in the order in which they are offered."""
    return [
        (name, told(one["name"]) if one["summary"] else _("Empty: describe it all")) for name, one in presets().items()
    ]


# --- What an edit would break -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Consequences:
    """What a changed description means for the accounts that use it: sentences to be agreed to, none when nothing is
    lost. `mark` is what agreeing sends back: it holds for these consequences alone."""

    words: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        return hashlib.sha256("\n".join(self.words).encode()).hexdigest()[:16]


def consequences_of(described: DescribedProvider, document: Mapping[str, Any]) -> Consequences:
    """For a document that is whole; a draft changes nothing for anybody."""
    accounts = accounts_using(described)
    if not accounts or problems(document):
        return Consequences()
    before, after = described.provider, provider_from(document, slug=described.slug)
    named = accounts_words(accounts)
    words = []
    for capability in CAPABILITIES:
        if _told(before, capability) and not _told(after, capability):
            words.append(
                _("%(capability)s is no longer read of %(accounts)s. What was read stays.")
                % {"capability": capability, "accounts": named}
            )
    if _stored_elsewhere(described, after):
        words.append(
            _("The keys would go to another place, and a stored key never does: enter it again for %(accounts)s.")
            % {"accounts": named}
        )
    added = {one.name for one in after.fields if one.required} - {one.name for one in before.fields}
    if added:
        words.append(
            _("%(accounts)s will need a new field: %(fields)s.")
            % {"accounts": named, "fields": ", ".join(sorted(added))}
        )
    return Consequences(tuple(words))


def _told(provider: Provider, capability: str) -> bool:
    return isinstance(provider.endpoint(capability), Endpoint)


def credentials_bound_elsewhere(described: DescribedProvider, provider: Provider) -> list[ProviderCredential]:
    """Credentials whose secrets were entered for other hosts or headers than this provider's."""
    held = ProviderCredential.objects.filter(
        organization_id=described.organization_id, account__provider_slug=described.slug
    )
    held = held.exclude(secret_hints={}).exclude(bound_to=bound_to(provider))
    return list(held.select_related("account", "organization").order_by("pk"))


def _stored_elsewhere(described: DescribedProvider, provider: Provider) -> bool:
    return bool(credentials_bound_elsewhere(described, provider))


# --- Documents as text --------------------------------------------------------------------------------------------


def document_text(document: Mapping[str, Any]) -> str:
    """A document for people: in the order in which the format is explained. The database keeps none."""
    return json.dumps(_in_order(document), indent=2, ensure_ascii=False) + "\n"


# Names as the format explains them; others follow by the alphabet.
ORDER = (
    *("purser_provider", "name", "label", "help", "summary", "docs_url", "console_url", "self_hosted", "wire_protocol"),
    *("base_urls", "secrets", "fields", "check", "capabilities", *CAPABILITIES),
    *("absent", "fallback", "base", "url", "use", "path", "query", "headers", "also", "ok", "when_not_ok", "paging"),
    *("parameter", "first", "size", "size_parameter", "cursor", "rows", "distinct", "span", "add_up", "window_format"),
    *("zone", "at", "is", "scale", "divide_by", "minus", "format", "words", "header", "prefix", "starts_with"),
    *("required", "can_spend", "interval_seconds", "history_days", "chunk_days"),
)
_PLACES = {name: place for place, name in enumerate(ORDER)}


def _in_order(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_order(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    names = sorted(value, key=lambda name: (_PLACES.get(name, len(ORDER)), name))
    return {name: _in_order(value[name]) for name in names}


def document_read(text: str) -> tuple[dict[str, Any] | None, list[Problem]]:
    """(document, []) for a whole description, (None, what is wrong) for anything else."""
    try:
        document = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        return None, [Problem("", _("This is no JSON: look at line %(line)d.") % {"line": line})]
    except RecursionError:
        return None, [Problem("", _("This is nested too deeply."))]
    wrong = problems(document)
    return (None, wrong) if wrong else (document, [])


def is_whole(document: Mapping[str, Any]) -> bool:
    try:
        provider_from(document)
    except DocumentProblem:
        return False
    return True
