"""One key takes over from another, or goes, without losing what was read.

Rotation has two slots: the new key is added beside the old one and checked while the old one goes on reading; then the
streams change hands with their cursors, and the old key is retired. Until it is removed, the way back stands open.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from dashboard.balances.models import BalanceSeries, QuotaSeries
from dashboard.balances.services import account_readings_delete
from dashboard.credentials.models import CredentialState, ProviderAccount, ProviderCredential
from dashboard.credentials.services import credential_create, credential_record
from dashboard.organizations.audit import Actor, audit_record
from dashboard.organizations.services import Refused
from dashboard.sync.models import StreamState, SyncStream
from dashboard.sync.services import credential_streams_wake, streams_arrange
from dashboard.usage.services import account_usage_delete


def successor_create(
    *,
    credential: ProviderCredential,
    values: Mapping[str, str],
    by: Actor,
    now: datetime,
    endings: Mapping[str, datetime] | None = None,
) -> ProviderCredential:
    """A new key beside this one, to take over from it once its check is good. An earlier successor that never took over
    stays what it is: a second key of the account."""
    with transaction.atomic():
        credential.successors.update(replaces=None)
        return credential_create(
            organization=credential.organization,
            provider=credential.provider,
            values=values,
            label=credential.label,
            by=by,
            now=now,
            same_account=credential.account,
            relay_url=credential.relay_url,
            replaces=credential,
            endings=endings,
        )


def may_switch(credential: ProviderCredential) -> bool:
    """Whether this key can take over now: its check was good, or it is the retired one that the way back leads to."""
    old = credential.replaces
    able = credential.check_verdict == "valid" and credential.state in (CredentialState.ACTIVE, CredentialState.RETIRED)
    return able and old is not None and old.account_id == credential.account_id


def credential_switch(*, credential: ProviderCredential, by: Actor, now: datetime) -> None:
    """Let this key take over the streams of the one that it replaces, cursors and all; that one is retired. A read that
    is under way with the old key lands nowhere. Raises Refused."""
    with transaction.atomic():
        ProviderAccount.objects.select_for_update().get(pk=credential.account_id)
        new = ProviderCredential.objects.select_related("account", "organization", "replaces").get(pk=credential.pk)
        old = new.replaces
        if old is None or not may_switch(new):
            raise Refused(_("This key cannot take over: its last check was not good. Check it again."))
        inherited = SyncStream.objects.filter(credential=old)
        known = list(inherited.values_list("capability", flat=True))
        SyncStream.objects.filter(credential=new, capability__in=known).delete()
        inherited.update(
            credential=new,
            state=StreamState.WAITING,
            failures=0,
            message="",
            next_run_at=now,
            lease_until=None,
            lease_token=F("lease_token") + 1,
        )
        for series in (BalanceSeries, QuotaSeries):
            series.objects.filter(credential=old).update(credential=new)
        ProviderCredential.objects.filter(pk=old.pk).update(state=CredentialState.RETIRED, replaces=new)
        ProviderCredential.objects.filter(pk=new.pk).update(state=CredentialState.ACTIVE, replaces=None)
        new.refresh_from_db()
        credential_streams_wake(credential=new, now=now)
        credential_record(new, by, "credential.switched", now)


def credential_remove(*, credential: ProviderCredential, erase: bool, by: Actor, now: datetime) -> None:
    """Forget a key and its run log; another key of the account takes over what it read. With `erase` the account goes
    too, with everything that was read of it: Raises Refused when another key still reads it."""
    account = credential.account
    with transaction.atomic():
        ProviderAccount.objects.select_for_update().get(pk=account.pk)
        if erase and account.credentials.exclude(pk=credential.pk).exists():
            raise Refused(_("Another key still reads this account. Remove that one first, or keep the history."))
        changes = {"history": (None, "erased" if erase else "kept")}
        credential_record(credential, by, "credential.removed", now, changes)
        credential.delete()
        if erase:
            _account_erase(account, by, now)
        else:
            streams_arrange(account=account, now=now)


def _account_erase(account: ProviderAccount, by: Actor, now: datetime) -> None:
    words = f"{account.provider_name}: {account.label}"
    audit_record(
        organization=account.organization, by=by, action="account.erased", now=now, subject=account, words=words
    )
    account_usage_delete(account_ids=[account.pk])
    account_readings_delete(account_ids=[account.pk])
    account.delete()
