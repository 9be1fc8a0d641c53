"""A leased stream with its credential and account: the first thing every run does, thousands of times a minute."""

from dashboard.core.rows import Joined
from dashboard.credentials.models import ProviderAccount, ProviderCredential
from dashboard.sync.models import SyncStream

_LEASED = Joined(
    "SELECT {columns} FROM sync_syncstream AS stream"
    " JOIN credentials_providercredential AS credential ON credential.id = stream.credential_id"
    " JOIN credentials_provideraccount AS account ON account.id = credential.account_id"
    " WHERE stream.id = %s AND stream.lease_token = %s",
    stream=SyncStream,
    credential=ProviderCredential,
    account=ProviderAccount,
)


def stream_load(*, stream_id: int, token: int) -> SyncStream | None:
    """The stream if its present lease has this token, with `credential` and `credential.account` filled in."""
    for stream, credential, account in _LEASED.fetch([stream_id, token]):
        credential.account = account
        stream.credential = credential
        found: SyncStream = stream
        return found
    return None
