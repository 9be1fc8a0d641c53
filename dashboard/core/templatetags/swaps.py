"""Links and forms that change a part of the page: plain without a script, in place with one."""

from collections.abc import Iterable
from functools import lru_cache

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard.core.addresses import Chip
from dashboard.core.templatetags.purser import icon

register = template.Library()


@register.simple_tag
@lru_cache(maxsize=8192)
def swap_link(url: str, target: str) -> SafeString:
    """`<a {% swap_link url "accounts" %}>`: the link's attributes. The part with that id is read anew from the page
    that the link leads to, and the address follows."""
    return format_html(
        'href="{url}" hx-get="{url}" hx-target="#{target}" hx-select="#{target}"'
        ' hx-swap="outerMorph" hx-push-url="true"',
        url=url,
        target=target,
    )


@register.simple_tag
def chip_items(chips: Iterable[Chip], target: str) -> SafeString:
    """The filters of a menu as its list: an organization has hundreds of teams and accounts, and every page that it
    looks at has the same."""
    return SafeString("".join(_chip_item(one.url, str(one.label), one.count, one.pressed, target) for one in chips))


@register.simple_tag
def chips_pressed(chips: Iterable[Chip]) -> SafeString:
    """The names of those that are in force, beside the menu's own."""
    return format_html_join(
        "", '<b class="text-brand">{}</b>', ((one.short or one.label,) for one in chips if one.pressed)
    )


@lru_cache(maxsize=8192)
def _chip_item(url: str, label: str, count: int | None, pressed: bool, target: str) -> SafeString:
    counted = "" if count is None else format_html('<span class="ml-auto pl-3 text-ink-3">{}</span>', count)
    return format_html(
        '<li><a class="pop-item" {}{}><span class="min-w-0 truncate">{}</span>{}{}</a></li>',
        swap_link(url, target),
        SafeString(' aria-current="true"' if pressed else ""),
        label,
        counted,
        icon("check", "!size-3.5") if pressed else "",
    )


@register.simple_tag
def swap_form(target: str, trigger: str = "submit", replace: bool = False) -> SafeString:
    """The same for a form that asks: `<form {% swap_form "accounts" "change" %}>`. With `replace` an address takes the
    place of the last one: what is typed letter by letter is one step back."""
    return format_html(
        'method="get" action="?" hx-get="?" hx-trigger="{trigger}" hx-target="#{target}" hx-select="#{target}"'
        ' hx-swap="outerMorph" hx-{history}-url="true"',
        target=target,
        trigger=trigger,
        history="replace" if replace else "push",
    )
