"""Every provider that Purser knows: one line each."""

from types import MappingProxyType

from providers.adapters import anthropic, deepinfra, deepseek, metachat, moonshot, openai, openrouter, xai
from providers.spec import Provider

PROVIDERS: MappingProxyType[str, Provider] = MappingProxyType(
    {
        provider.slug: provider
        for provider in (
            anthropic.PROVIDER,
            deepinfra.PROVIDER,
            deepseek.PROVIDER,
            metachat.PROVIDER,
            moonshot.PROVIDER,
            openai.PROVIDER,
            openrouter.PROVIDER,
            xai.PROVIDER,
        )
    }
)
