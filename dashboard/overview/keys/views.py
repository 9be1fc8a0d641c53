"""The list of keys, and one key: they read the keys, and what they spent."""

from uuid import uuid4

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from dashboard.credentials.selectors import accounts_of
from dashboard.keys.intents.selectors import change_row, intents_of, intents_open, key_manager
from dashboard.keys.models import KeptSecret
from dashboard.keys.selectors import provider_keys_in
from dashboard.organizations.access import access
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from dashboard.overview.keys.key_list import key_entry, key_list_context, key_row, who_is_hit
from dashboard.overview.keys.spend import key_spend_context


@access(Access.READ)
@require_GET
def key_list(request: PurserRequest) -> HttpResponse:
    now = timezone.now()
    context = key_list_context(organization=request.organization, scope=request.scope, query=request.GET, now=now)
    waiting = intents_open(scope=request.scope) if request.membership.may_manage else []
    more = {
        "waiting": [change_row(one) for one in waiting],
        "connected": bool(context["known"] or accounts_of(organization_id=request.organization.pk)),
        "now": now,
    }
    return render(request, "keys/key_list.html", {**context, **more})


@access(Access.READ)
@require_GET
def key(request: PurserRequest, provider_key_id: int) -> HttpResponse:
    """All that is known of one key."""
    mine, now = provider_keys_in(request.scope), timezone.now()
    found = mine.filter(pk=provider_key_id).first()
    if found is None:
        raise Http404
    manages, today = request.membership.may_manage, request.organization.local(now).date()
    row = key_row(key_entry(key=found, today=today, now=now), now)
    spend = key_spend_context(scope=request.scope, key=found, today=today)
    context = {
        "row": row,
        "key": found,
        "spend": spend,
        "hit": who_is_hit(row, spend, now),
        "manager": key_manager(found.account) if manages else None,
        "successor": mine.filter(rotated_from=found, gone_at=None).first(),
        "forerunner": mine.filter(pk=found.rotated_from_id).first() if found.rotated_from_id else None,
        "changes": [change_row(one) for one in intents_of(key=found)] if manages else [],
        "kept": KeptSecret.objects.filter(provider_key=found).defer("encrypted_text").first() if manages else None,
        "intent_id": uuid4(),
        "now": now,
    }
    return render(request, "keys/key.html", context)
