"""What the fields of a record, their possible values and the ways to write a time are called in the editor. What the
format itself calls them is in providers.described.shape."""

from typing import Any

from django.utils.translation import gettext_lazy, pgettext_lazy

# Field of a record, by its name alone or by capability and name.
FIELD_WORDS: dict[str | tuple[str, str], Any] = {
    ("balance", "name"): gettext_lazy("Name of the wallet"),
    ("balance", "kind"): gettext_lazy("Kind of balance"),
    ("balance", "amount"): gettext_lazy("Amount left"),
    ("keys", "id"): gettext_lazy("Key id"),
    ("keys", "name"): gettext_lazy("Name of the key"),
    ("keys", "limit"): gettext_lazy("Spending limit"),
    ("models", "id"): gettext_lazy("Model id"),
    ("models", "name"): gettext_lazy("Name of the model"),
    "amount": gettext_lazy("Amount"),
    "basis": gettext_lazy("Live or posted"),
    "cache_write_tokens": gettext_lazy("Tokens written to the cache"),
    "cached_input_tokens": gettext_lazy("Cached input tokens"),
    "category": gettext_lazy("Category"),
    "context": gettext_lazy("Context length"),
    "cost": gettext_lazy("Cost"),
    "created_at": pgettext_lazy("when a key was made", "Made"),
    "end": pgettext_lazy("of a stretch of time", "End"),
    "endpoint": gettext_lazy("Endpoint"),
    "expires_at": gettext_lazy("Expires"),
    "granted": gettext_lazy("Granted part"),
    "hint": gettext_lazy("Last characters"),
    "input_tokens": gettext_lazy("Input tokens"),
    "last_used_at": gettext_lazy("Last used"),
    "limit": gettext_lazy("Limit"),
    "line_item": gettext_lazy("Item of the bill"),
    "model": gettext_lazy("Model"),
    "name": gettext_lazy("Name"),
    "output_tokens": gettext_lazy("Output tokens"),
    "percent_used": gettext_lazy("Used, in percent"),
    "price_unit": gettext_lazy("Currency of the prices"),
    "prices": gettext_lazy("Prices"),
    "project": gettext_lazy("Project or workspace"),
    "provider_key": gettext_lazy("Key"),
    "quantities": gettext_lazy("Other quantities"),
    "reasoning_tokens": gettext_lazy("Reasoning tokens"),
    "remaining": gettext_lazy("Remaining"),
    "requests": gettext_lazy("Requests"),
    "resets_at": gettext_lazy("Starts anew"),
    "scope": gettext_lazy("What it covers"),
    "start": pgettext_lazy("of a stretch of time", "Start"),
    "state": gettext_lazy("State"),
    "tier": gettext_lazy("Service tier"),
    "unit": gettext_lazy("Currency or unit"),
    "usable": gettext_lazy("Can be spent"),
    "used": pgettext_lazy("of a quota", "Used"),
    "user": gettext_lazy("Person"),
    "window": gettext_lazy("Length of the window"),
}
VALUE_WORDS: dict[str, Any] = {
    "active": pgettext_lazy("what an answer may say", "active"),
    "adjustment": pgettext_lazy("what an answer may say", "adjustment"),
    "archived": pgettext_lazy("what an answer may say", "archived"),
    "credit": pgettext_lazy("what an answer may say", "credit"),
    "credit_line": pgettext_lazy("what an answer may say", "credit line"),
    "disabled": pgettext_lazy("what an answer may say", "disabled"),
    "expired": pgettext_lazy("what an answer may say", "expired"),
    "granted": pgettext_lazy("what an answer may say", "granted"),
    "live": pgettext_lazy("what an answer may say", "live"),
    "owed": pgettext_lazy("what an answer may say", "owed"),
    "posted": pgettext_lazy("what an answer may say", "posted"),
    "prepaid": pgettext_lazy("what an answer may say", "prepaid"),
    "tax": pgettext_lazy("what an answer may say", "tax"),
    "usage": pgettext_lazy("what an answer may say", "usage"),
}
FORMAT_WORDS: dict[str, Any] = {
    "iso": "ISO 8601",
    "unix": gettext_lazy("Unix seconds"),
    "unix_ms": gettext_lazy("Unix milliseconds"),
    "day": gettext_lazy("a day: 2026-11-20"),
}
SPAN_WORDS: dict[str, Any] = {
    "minute": gettext_lazy("minute"),
    "hour": gettext_lazy("hour"),
    "day": gettext_lazy("day"),
}


def field_words(part: str, name: str) -> str:
    """A field of a record as a person calls it."""
    return str(FIELD_WORDS.get((part, name)) or FIELD_WORDS[name])
