"""Links and forms that change a part of the page: plain without a script, in place with one."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
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
