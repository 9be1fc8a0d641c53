"""The way out for the calls of a credential."""

from dashboard.credentials.models import ProviderCredential
from providers.transport import Transport


def transport_for(credential: ProviderCredential) -> Transport:
    """The transport that this credential's calls go through: self-hosted providers may live on private addresses, and
    a relay takes the place of the open internet."""
    return Transport(reach="private" if credential.provider.self_hosted else "public", via=credential.relay_url or None)
