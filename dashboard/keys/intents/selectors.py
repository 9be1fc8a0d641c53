"""Reads of what can be changed at providers, and of the changes under way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from dashboard.core.languages.phrases import told
from dashboard.credentials.models import CredentialState, ProviderAccount, ProviderCredential
from dashboard.keys.models import OPEN_INTENTS, IntentState, KeyIntent, Operation, ProviderKey
from dashboard.organizations.scope import Scope
from providers.spec import Endpoint, KeyManagement

# Longer than the longest call: who has not written down an answer by then is not going to.
CALL_PATIENCE = timedelta(seconds=60)
WRITTEN_PATIENCE = timedelta(minutes=2)
LOOKS = {
    IntentState.WRITTEN: "checking",
    IntentState.SENT: "checking",
    IntentState.UNKNOWN: "stale",
    IntentState.FOUND: "warn",
    IntentState.DONE: "passed",
    IntentState.FAILED: "failed",
    IntentState.RECONCILED: "retired",
}
# What was asked for, as a thing: a list of changes is no list of buttons.
ASKED = {
    Operation.CREATE: gettext_noop("New key"),
    Operation.ROTATE: gettext_noop("Rotation"),
    Operation.DISABLE: gettext_noop("Disabling"),
    Operation.ENABLE: gettext_noop("Enabling"),
    Operation.DELETE: gettext_noop("Deletion"),
}
# Why a key that may manage keys is not called, by its state. The others are as good as none.
OUT_OF_USE = {
    CredentialState.CHECKING: gettext_noop("The key that may manage keys is being checked."),
    CredentialState.REFUSED: gettext_noop("The key that may manage keys was refused. Replace it."),
    CredentialState.PAUSED: gettext_noop("The key that may manage keys is paused."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """How an account's keys are managed: with which of its credentials, or why not, in words."""

    account: ProviderAccount
    declared: KeyManagement | None = None
    credential: ProviderCredential | None = None
    missing: str = ""

    @property
    def able(self) -> bool:
        return self.credential is not None

    @property
    def switches(self) -> bool:
        """Whether keys can be switched off and on. Templates ask here: the declaration's function they would call."""
        return self.declared is not None and self.declared.switch is not None

    def may(self, operation: str) -> bool:
        return self.able and (operation not in (Operation.DISABLE, Operation.ENABLE) or self.switches)


def key_manager(account: ProviderAccount, credentials: Sequence[ProviderCredential] | None = None) -> Manager:
    """What can be done with the keys of an account. `credentials` are the account's, where they are at hand."""
    declared = account.provider.key_management
    if declared is None:
        words = _("%(name)s offers no way to manage keys by program: do it in its console, then type the key in here.")
        if isinstance(account.provider.endpoint("keys"), Endpoint):
            words = _(
                "%(name)s offers no way to manage keys by program: do it in its console. Keys that are made there"
                " appear here when Purser reads the list again."
            )
        return Manager(account=account, missing=words % {"name": account.provider_name})
    if credentials is None:
        credentials = list(account.credentials.order_by("pk"))
    those = [one for one in credentials if declared.auth in one.secret_hints]
    able = [one for one in those if one.state == CredentialState.ACTIVE]
    out = [CredentialState(one.state) for one in those if one.state in OUT_OF_USE]
    if not able and out:
        return Manager(account=account, declared=declared, missing=_(OUT_OF_USE[out[-1]]))
    if not able:
        words = _("None of the connected keys of this account may manage keys. It takes %(right)s.")
        return Manager(account=account, declared=declared, missing=words % {"right": told(declared.right)})
    able[0].account = account
    return Manager(account=account, declared=declared, credential=able[0])


def key_managers(*, organization_id: int) -> list[Manager]:
    """Every account whose provider can make keys by program, those first that may."""
    accounts = ProviderAccount.objects.filter(organization_id=organization_id).prefetch_related("credentials")
    found = [
        key_manager(account, sorted(account.credentials.all(), key=lambda one: one.pk))
        for account in accounts
        if account.provider.key_management is not None
    ]
    return sorted(found, key=lambda one: (not one.able, one.account.provider_name.casefold(), one.account.label))


def unable_together(managers: Sequence[Manager]) -> list[tuple[str, list[Manager]]]:
    """The accounts that cannot make keys, under what it takes: said once of many."""
    found: dict[str, list[Manager]] = {}
    for one in managers:
        if not one.able:
            found.setdefault(one.missing, []).append(one)
    return list(found.items())


def rotation_hindrance(key: ProviderKey, manager: Manager) -> str:
    """Why no other key can be made in place of this one, in words; "" where it can."""
    if not manager.able:
        return manager.missing
    if key.typed_at is not None or key.gone_at is not None:
        return _("The provider does not list this key, so nothing can be changed there.")
    if manager.declared is not None and manager.declared.project == "required" and not key.project:
        return _("This key belongs to no project. It can be changed in the provider's console alone.")
    successor = key.successors.filter(gone_at=None).first()
    if successor is not None:
        return _("%(name)s was made in its place already.") % {"name": str(successor)}
    return ""


def used_by_purser(key: ProviderKey) -> bool:
    """Whether this may be a key that Purser itself reads the account with: the last characters are the same."""
    hints = [
        last
        for one in ProviderCredential.objects.filter(account_id=key.account_id).only("secret_hints")
        for last in one.secret_hints.values()
        if last
    ]
    return bool(key.hint) and any(key.hint.endswith(last) for last in hints)


def intent_in(*, scope: Scope, intent_id: UUID) -> KeyIntent | None:
    within = KeyIntent.objects.filter(scope.accounts("account__"), pk=intent_id)
    return within.select_related("account__organization", "team", "key", "by", "credential", "rotates").first()


def intents_open(*, scope: Scope) -> list[KeyIntent]:
    """What is not over, what waits for a person first."""
    found = KeyIntent.objects.filter(scope.accounts("account__"), state__in=OPEN_INTENTS).select_related("account")
    return sorted(found.order_by("created_at"), key=lambda one: one.state != IntentState.FOUND)


def change_row(intent: KeyIntent) -> dict[str, Any]:
    """A change as pages name it: `asked` says what for, `look` and `word` are of its state."""
    return {
        "intent": intent,
        "asked": _(ASKED[Operation(intent.operation)]),
        "look": LOOKS[IntentState(intent.state)],
        "word": intent.get_state_display(),
        "told": told(intent.message),
    }


def keys_without_secret(*, scope: Scope) -> set[int]:
    """The ids of the organization's keys that were found without their secret, as long as nobody has decided."""
    found = KeyIntent.objects.filter(
        account__organization_id=scope.organization_id, state=IntentState.FOUND, key__isnull=False
    )
    return set(found.values_list("key_id", flat=True))


def intents_of(*, key: ProviderKey) -> list[KeyIntent]:
    """The last changes that were asked for about a key: of itself, and of what took its place."""
    rows = KeyIntent.objects.filter(Q(key=key) | Q(rotates=key)).select_related("by", "account")
    return list(rows.order_by("-created_at")[:10])


def intents_due(*, now: datetime) -> list[str]:
    """Ids of changes to look for: sent long enough ago, and due; and of those that were written and never sent."""
    looking = KeyIntent.objects.filter(state__in=(IntentState.SENT, IntentState.UNKNOWN), next_look_at__lte=now)
    unsent = KeyIntent.objects.filter(state=IntentState.WRITTEN, created_at__lte=now - WRITTEN_PATIENCE)
    return [str(pk) for rows in (looking, unsent) for pk in rows.values_list("pk", flat=True)]
