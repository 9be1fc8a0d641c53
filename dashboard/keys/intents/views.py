"""Making, disabling, enabling and deleting keys at their providers. What comes of it is on the answer to the POST or,
where nobody knows yet, on a page that asks again until somebody does."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard.core.confirming import name_typed
from dashboard.core.languages.phrases import told
from dashboard.credentials.models import ProviderAccount
from dashboard.credentials.selectors import account_row, accounts_of
from dashboard.keys.intents.forms import ChangeForm, NewKeyForm, RotateForm, asked_before
from dashboard.keys.intents.selectors import (
    change_row,
    intent_in,
    key_manager,
    key_managers,
    rotation_hindrance,
    unable_together,
)
from dashboard.keys.intents.services import (
    intent_change,
    intent_create,
    intent_keep,
    intent_rotate,
    intent_run,
    kept_secret_drop,
)
from dashboard.keys.models import KeyIntent, Operation, ProviderKey
from dashboard.keys.selectors import provider_keys_in
from dashboard.organizations.access import access, limited
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from dashboard.organizations.services import Refused


@access(Access.MANAGE)
@require_GET
def key_choose(request: PurserRequest) -> HttpResponse:
    """In which account a key is to be made; those that cannot say what it takes."""
    managers = key_managers(organization_id=request.organization.pk)
    context = {
        "able": [account_row(one.account) for one in managers if one.able],
        "unable": [
            {"missing": missing, "accounts": [account_row(one.account) for one in those]}
            for missing, those in unable_together(managers)
        ],
        "connected": bool(managers or accounts_of(organization_id=request.organization.pk)),
    }
    return render(request, "keys/key_choose.html", context)


@access(Access.MANAGE)
@limited("key_changes", amount=60, within=timedelta(hours=1), per="organization")
@never_cache
@require_http_methods(["GET", "POST"])
def key_new(request: PurserRequest, account_id: int) -> HttpResponse:
    """Make a key; its secret is on the answer to the POST alone."""
    account = get_object_or_404(ProviderAccount, request.scope.accounts(), pk=account_id)
    manager, now = key_manager(account), timezone.now()
    context = {"manager": manager, "account": account_row(account)}
    if manager.declared is None or not manager.able:
        return render(request, "keys/key_new.html", context)
    form = NewKeyForm(
        request.POST or None,
        manager=manager,
        declared=manager.declared,
        today=request.organization.local(now).date(),
        initial={**_asked_before(request, account), "intent": uuid4()},
    )
    if request.method == "POST" and form.is_valid():
        asked: dict[str, Any] = {
            "intent_id": form.cleaned_data["intent"],
            "wish": form.wish,
            "by": request.actor,
            "now": now,
        }
        answer = _made(request, form, lambda: intent_create(account=account, **asked))
        if answer is not None:
            return answer
    return render(request, "keys/key_new.html", {**context, "form": form, "note": told(manager.declared.note)})


@access(Access.MANAGE)
@limited("key_changes", amount=60, within=timedelta(hours=1), per="organization")
@never_cache
@require_http_methods(["GET", "POST"])
def key_rotate(request: PurserRequest, provider_key_id: int) -> HttpResponse:
    """Make another key in place of one; its secret is on the answer to the POST alone."""
    key, now = _key(request, provider_key_id), timezone.now()
    manager = key_manager(key.account)
    context = {
        "key": key,
        "account": account_row(key.account),
        "hindrance": rotation_hindrance(key, manager),
        "successor": key.successors.filter(gone_at=None).first(),
    }
    if manager.declared is None or (context["hindrance"] and request.method == "GET"):
        return render(request, "keys/key_rotate.html", context)
    form = RotateForm(
        request.POST or None,
        key=key,
        manager=manager,
        declared=manager.declared,
        today=request.organization.local(now).date(),
        initial={**_asked_before(request, key.account), "intent": uuid4()},
    )
    if request.method == "POST" and form.is_valid():
        asked: dict[str, Any] = {
            "intent_id": form.cleaned_data["intent"],
            "wish": form.wish,
            "by": request.actor,
            "now": now,
        }
        retire_on = form.cleaned_data["retire_on"]
        answer = _made(request, form, lambda: intent_rotate(key=key, retire_on=retire_on, **asked))
        if answer is not None:
            return answer
    return render(request, "keys/key_rotate.html", {**context, "form": form})


@sensitive_variables("outcome")
def _made(request: PurserRequest, form: NewKeyForm, ask: Callable[[], tuple[KeyIntent, bool]]) -> HttpResponse | None:
    """Ask for a key, once, and show its secret; None when it is refused, which then stands in the form."""
    try:
        intent, fresh = ask()
    except Refused as refused:
        form.add_error(None, str(refused))
        return None
    if not fresh:
        messages.warning(request, _("This was asked for already; nothing was sent a second time."))
        return redirect("keys:intent", intent_id=intent.pk)
    outcome = intent_run(intent=intent, by=request.actor, clock=timezone.now)
    if not outcome.secret:
        return redirect("keys:intent", intent_id=intent.pk)
    shown = {"intent": outcome.intent, "secret": outcome.secret, "told": told(outcome.intent.message)}
    return render(request, "keys/key_made.html", shown)


@access(Access.MANAGE)
@limited("key_changes", amount=60, within=timedelta(hours=1), per="organization")
@require_POST
def key_change(request: PurserRequest, provider_key_id: int, operation: str) -> HttpResponse:
    """Disable, enable or delete a key at its provider; deleting wants its name typed."""
    key, form = _key(request, provider_key_id), ChangeForm(request.POST)
    if operation not in (Operation.DISABLE, Operation.ENABLE, Operation.DELETE):
        raise Http404
    if not form.is_valid():
        messages.error(request, _("That did not work. Begin again."))
        return redirect("keys:key", provider_key_id=key.pk)
    if operation == Operation.DELETE and not name_typed(request, str(key)):
        return redirect("keys:key", provider_key_id=key.pk)
    try:
        intent, fresh = intent_change(
            key=key,
            operation=Operation(operation),
            intent_id=form.cleaned_data["intent"],
            by=request.actor,
            now=timezone.now(),
        )
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("keys:key", provider_key_id=key.pk)
    if fresh:
        intent_run(intent=intent, by=request.actor, clock=timezone.now)
    return redirect("keys:intent", intent_id=intent.pk)


@access(Access.MANAGE)
@never_cache
@require_GET
def intent(request: PurserRequest, intent_id: UUID) -> HttpResponse:
    """What became of a change; the page asks again as long as that may change by itself."""
    found = _intent(request, intent_id)
    context = {**change_row(found), "account": account_row(found.account), "delete_id": uuid4()}
    return render(request, "keys/intent.html", context)


@access(Access.MANAGE)
@require_POST
def intent_stays(request: PurserRequest, intent_id: UUID) -> HttpResponse:
    """Leave a found key as it is."""
    found = _intent(request, intent_id)
    try:
        intent_keep(intent=found, by=request.actor, now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("keys:intent", intent_id=found.pk)


@access(Access.MANAGE)
@require_POST
def kept_drop(request: PurserRequest, provider_key_id: int) -> HttpResponse:
    """Erase the kept secret of a key; its name is typed."""
    key = _key(request, provider_key_id)
    if not name_typed(request, str(key)):
        return redirect("keys:key", provider_key_id=key.pk)
    kept_secret_drop(key=key, by=request.actor, now=timezone.now())
    messages.success(request, _("The secret is erased here. At the provider nothing changed."))
    return redirect("keys:key", provider_key_id=key.pk)


def _asked_before(request: PurserRequest, account: ProviderAccount) -> dict[str, Any]:
    """What `again` in the address was asked for with, where it is a key of this account."""
    try:
        before = intent_in(scope=request.scope, intent_id=UUID(request.GET.get("again", "")))
    except ValueError:
        return {}
    return asked_before(before) if before is not None and before.account_id == account.pk else {}


def _key(request: PurserRequest, provider_key_id: int) -> ProviderKey:
    found = provider_keys_in(request.scope).filter(pk=provider_key_id).first()
    if found is None:
        raise Http404
    return found


def _intent(request: PurserRequest, intent_id: UUID) -> KeyIntent:
    found = intent_in(scope=request.scope, intent_id=intent_id)
    if found is None:
        raise Http404
    return found
