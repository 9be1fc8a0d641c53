"""Every provider that Purser knows: one line each."""

from types import MappingProxyType

from providers.adapters import (
    anthropic,
    azure_openai,
    bedrock_litellm,
    cerebras,
    chatgpt_codex,
    claude_subscription,
    deepinfra,
    deepseek,
    gemini,
    github_copilot,
    gitlab_duo,
    groq,
    lmstudio,
    metachat,
    minimax,
    mistral,
    moonshot,
    ollama,
    openai,
    openrouter,
    perplexity,
    qwen,
    together,
    vertex_ai,
    vllm,
    xai,
    zhipu_glm,
)
from providers.spec import Provider

PROVIDERS: MappingProxyType[str, Provider] = MappingProxyType(
    {
        provider.slug: provider
        for provider in (
            anthropic.PROVIDER,
            azure_openai.PROVIDER,
            bedrock_litellm.PROVIDER,
            cerebras.PROVIDER,
            chatgpt_codex.PROVIDER,
            claude_subscription.PROVIDER,
            deepinfra.PROVIDER,
            deepseek.PROVIDER,
            gemini.PROVIDER,
            github_copilot.PROVIDER,
            gitlab_duo.PROVIDER,
            groq.PROVIDER,
            lmstudio.PROVIDER,
            metachat.PROVIDER,
            minimax.PROVIDER,
            mistral.PROVIDER,
            moonshot.PROVIDER,
            ollama.PROVIDER,
            openai.PROVIDER,
            openrouter.PROVIDER,
            perplexity.PROVIDER,
            qwen.PROVIDER,
            together.PROVIDER,
            vertex_ai.PROVIDER,
            vllm.PROVIDER,
            xai.PROVIDER,
            zhipu_glm.PROVIDER,
        )
    }
)
