"""The simulated providers, one module each, and the list of all of them."""

from providers.simulator.parts import (
    anthropic,
    cerebras,
    deepinfra,
    deepseek,
    github_copilot,
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
    together,
    xai,
    zhipu_glm,
)
from providers.simulator.server import Part

PARTS: tuple[Part, ...] = (
    anthropic.PART,
    cerebras.PART,
    deepinfra.PART,
    deepseek.PART,
    github_copilot.PART,
    groq.PART,
    lmstudio.PART,
    metachat.PART,
    minimax.PART,
    mistral.PART,
    moonshot.PART,
    ollama.PART,
    openai.PART,
    openrouter.PART,
    perplexity.PART,
    together.PART,
    xai.PART,
    zhipu_glm.PART,
)
