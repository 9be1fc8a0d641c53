"""The simulated providers, one module each, and the list of all of them."""

from providers.simulator.parts import deepinfra, deepseek, metachat, moonshot, openrouter, xai
from providers.simulator.server import Part

PARTS: tuple[Part, ...] = (deepinfra.PART, deepseek.PART, metachat.PART, moonshot.PART, openrouter.PART, xai.PART)
