"""The one state that an account shows of all its streams."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from dashboard.core.languages.phrases import told
from dashboard.credentials.models import CredentialState
from dashboard.sync.models import StreamState, SyncStream
from dashboard.sync.selectors import offline_words, stream_state, worst_state


def account_state(streams: Sequence[SyncStream], now: datetime, *, capability: str | None = None) -> tuple[str, str]:
    """(state, reason) of an account: the worst of its streams, or of those of one capability."""
    chosen = [
        stream
        for stream in streams
        if stream.state != StreamState.STANDBY
        and capability in (None, stream.capability)
        and stream.credential.state != CredentialState.PAUSED
    ]
    if not chosen and any(stream.credential.state == CredentialState.PAUSED for stream in streams):
        return "paused", _("Paused by hand.")
    states = {stream.pk: stream_state(stream, now) for stream in chosen}
    worst = worst_state(states.values())
    reasons = (offline_words(stream) or stream.message for stream in chosen if states[stream.pk] == worst)
    return worst, told(next((reason for reason in reasons if reason), ""))
