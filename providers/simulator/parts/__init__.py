"""The simulated providers, one module each, and the list of all of them."""

from providers.simulator.parts import anthropic, deepinfra, deepseek, metachat, moonshot, openai, openrouter, xai
from providers.simulator.server import Part

PARTS: tuple[Part, ...] = (
    anthropic.PART,
    deepinfra.PART,
    deepseek.PART,
    metachat.PART,
    moonshot.PART,
    openai.PART,
    openrouter.PART,
    xai.PART,
)
