"""The simulated providers, one module each, and the list of all of them."""

from providers.simulator.parts import (
    anthropic,
    cerebras,
    deepinfra,
    deepseek,
    groq,
    metachat,
    minimax,
    mistral,
    moonshot,
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
    groq.PART,
    metachat.PART,
    minimax.PART,
    mistral.PART,
    moonshot.PART,
    openai.PART,
    openrouter.PART,
    perplexity.PART,
    together.PART,
    xai.PART,
    zhipu_glm.PART,
)
