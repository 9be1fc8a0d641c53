"""The name that is typed before something is destroyed. The browser's own check is a help, not a guard."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _


def name_typed(request: HttpRequest, name: str) -> bool:
    """Whether whoever sent this typed the name that components/_confirm.html asked for; else the next page says so."""
    if request.POST.get("word", "").strip() == name.strip():
        return True
    messages.error(request, _("Nothing was changed: type %(name)s to confirm.") % {"name": name})
    return False
