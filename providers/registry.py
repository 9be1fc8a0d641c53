"""Every provider that Purser knows: one line each."""

from types import MappingProxyType

from providers.adapters import deepinfra, deepseek, metachat, moonshot, openrouter, xai
from providers.spec import Provider

PROVIDERS: MappingProxyType[str, Provider] = MappingProxyType(
    {
        provider.slug: provider
        for provider in (
            deepinfra.PROVIDER,
            deepseek.PROVIDER,
            metachat.PROVIDER,
            moonshot.PROVIDER,
            openrouter.PROVIDER,
            xai.PROVIDER,
        )
    }
)
