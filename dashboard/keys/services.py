"""Landing of the keys that a provider lists. Called inside the landing transaction of a sync run."""

from collections.abc import Sequence
from datetime import datetime

from dashboard.keys.models import ProviderKey
from providers.records import ProviderKey as ListedKey

_COLUMNS = ("name", "hint", "project", "state", "created_at", "expires_at", "last_used_at", "limit")


def provider_keys_land(*, account_id: int, keys: Sequence[ListedKey], complete: bool, now: datetime) -> int:
    """Upsert by the provider's id; with a complete list, keys that are missing from it are marked as gone. Returns how
    many rows say something new."""
    known = {key.external_id: key for key in ProviderKey.objects.filter(account_id=account_id)}
    fresh: list[ProviderKey] = []
    changed = 0
    for listed in keys:
        values = {
            **{name: getattr(listed, name) or "" for name in ("name", "hint", "project", "state")},
            **{name: getattr(listed, name) for name in ("created_at", "expires_at", "last_used_at", "limit")},
        }
        row = known.pop(listed.id, None)
        if row is None:
            fresh.append(ProviderKey(account_id=account_id, external_id=listed.id, listed_at=now, **values))
            continue
        if row.gone_at is not None or any(getattr(row, name) != value for name, value in values.items()):
            changed += 1
        for name, value in values.items():
            setattr(row, name, value)
        row.listed_at, row.gone_at = now, None
        row.save(update_fields=[*_COLUMNS, "listed_at", "gone_at"])
    ProviderKey.objects.bulk_create(fresh)
    if complete:
        gone = [key.pk for key in known.values() if key.gone_at is None]
        changed += ProviderKey.objects.filter(pk__in=gone).update(gone_at=now) if gone else 0
    return changed + len(fresh)
