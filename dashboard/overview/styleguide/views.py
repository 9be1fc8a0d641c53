"""The living style page: every component in every state, beside what its own file says about it."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from dashboard.organizations.access import access
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from dashboard.overview.styleguide.components import GROUPS, components
from dashboard.overview.styleguide.samples import samples


@access(Access.READ)
@require_GET
def styleguide(request: PurserRequest) -> HttpResponse:
    now = timezone.localtime()
    groups = [
        {"id": name, "title": title, "template": f"styleguide/_{name}.html", "components": members}
        for name, (title, members) in GROUPS.items()
    ]
    context = {**samples(request.GET, now), "groups": groups, "about": components(), "now": now}
    return render(request, "styleguide.html", context)
