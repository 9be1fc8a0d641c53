"""The small drawings that stand in every row, as tags: a page holds dozens, and a template for each would cost
more than everything else on it. The geometry is dashboard.core.drawing's; here it becomes SVG."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.core.drawing import Meter, Sparkline, tick_strip
from dashboard.core.templatetags.purser import logo

register = template.Library()


@register.simple_tag
def who(account: Mapping[str, Any], url: str = "", strong: bool = False) -> SafeString:
    """Provider and label as one name, from {label, provider_name, icon}."""
    name, label = account["provider_name"], account["label"]
    shown = format_html('<a class="hover:underline" href="{}">{}</a>', url, name) if url else name
    return format_html(
        '<span class="{}">{}<span class="t" title="{}">{}{}</span></span>',
        "who font-medium" if strong else "who",
        logo(account["icon"]),
        f"{name} · {label}" if label else name,
        shown,
        format_html(' <span class="minor font-normal">{}</span>', label) if label else "",
    )


@register.simple_tag
def spark(line: Sparkline | None) -> SafeString:
    """A balance's fall in 96 x 24: dashed when stale, a drop-line at each top-up."""
    if line is None:
        return format_html('<span class="text-xs text-ink-3">{}</span>', _("no reading yet"))
    look = " spark-stale" if line.dashed else f" spark-{line.severity}" if line.severity else ""
    return format_html(
        '<svg class="spark{}" viewBox="0 0 96 24" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<path class="base" d="M1 22.5H95"/><path class="l" d="{}"/>{}'
        '<circle class="end" cx="{}" cy="{}" r="2"/></svg>',
        look,
        line.label or _("Balance over 30 days"),
        line.points,
        format_html('<path class="up" d="{}"/>', "".join(line.topups)) if line.topups else "",
        str(line.end_x),
        str(line.end_y),
    )


_RECT = '<rect class="{}" x="{}" y="1" width="{}" height="6"/>'


@register.simple_tag
def meter(bar: Meter | None, label: str) -> SafeString:
    """A quota's bar with a tick for the time passed; `label` says what it measures for those who do not see it. What is
    over the limit stands beyond the mark at its end."""
    full = bar.full if bar is not None else 100
    marks = format_html(_RECT, "bg", 0, str(full))
    if bar is not None:
        if bar.forecast is not None:
            marks += format_html(_RECT, "fc", str(bar.value), str(round(bar.forecast - bar.value, 1)))
        marks += format_html(_RECT, "v", 0, str(min(bar.value, full)))
        if bar.over:
            marks += format_html(_RECT, "over", str(full), str(round(bar.value - full, 1)))
        if full < 100:
            marks += format_html('<line class="full" x1="{0}" x2="{0}" y1="-1" y2="9"/>', str(full))
        if bar.tick is not None:
            marks += format_html('<line class="tick" x1="{0}" x2="{0}" y1="-1.5" y2="9.5"/>', str(bar.tick))
    return format_html(
        '<svg class="meter-svg{}" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>',
        f" meter-{bar.severity}" if bar is not None and bar.severity else "",
        label,
        marks,
    )


@register.simple_tag
def ticks(values: Sequence[Mapping[str, Any]], label: str) -> SafeString:
    """A strip of ticks from [{state, title}]: one path per look, because a page holds some two hundred of them. What
    they say stands once in words, in the drawing's name."""
    marks = tick_strip((str(tick["state"]), str(tick.get("title", ""))) for tick in values)
    paths: dict[str, str] = {}
    told: dict[str, int] = {}
    for mark in marks:
        paths[mark.look] = paths.get(mark.look, "") + f"M{mark.x:g} {mark.y:g}h3v{mark.height:g}h-3z"
        if mark.title:
            told[mark.title] = told.get(mark.title, 0) + 1
    words = ", ".join(f"{count} {title}" for title, count in told.items())
    return format_html(
        '<svg class="block w-full h-3" viewBox="0 0 {} 12" preserveAspectRatio="none" role="img" aria-label="{}">'
        "{}</svg>",
        str(max(1, 4 * len(values) - 1)),
        f"{label}: {words}" if words else label,
        format_html_join("", '<path class="{}" d="{}"/>', paths.items()),
    )
