"""The frame of every page, which is the same from page to page but for a few values."""

from collections.abc import Hashable
from functools import lru_cache

from django import template
from django.conf import settings
from django.template.loader import get_template
from django.urls import get_script_prefix
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()


@register.simple_tag
def drawn_once(name: str, **values: Hashable) -> SafeString:
    """`{% drawn_once "shell/_places.html" room=room %}`: like an include with `only`, drawn once for the same values in
    the same language. For what depends on a few values of our own code: not a form, which has a token of its own each
    time, nor a time, which is told in somebody's zone, nor what people typed."""
    draw = _drawn.__wrapped__ if settings.DEBUG else _drawn  # templates are being written then
    return draw(name, get_language(), get_script_prefix(), tuple(values.items()))


@lru_cache(maxsize=1024)
def _drawn(name: str, _language: str, _prefix: str, values: tuple[tuple[str, Hashable], ...]) -> SafeString:
    """Whatever else may change what a template says within a process is a parameter here."""
    return SafeString(get_template(name).render(dict(values)))
