"""The allocation rules: the list, one rule with its preview, and its removal."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard.organizations.access import access
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from dashboard.usage.models import AllocationRule
from dashboard.usage.rules.forms import RuleForm, told_of
from dashboard.usage.rules.selectors import rule_ended, rule_key, rule_moves, rules_view, values_told
from dashboard.usage.rules.services import RuleRefused, rule_remove, rule_save

EDIT = require_http_methods(["GET", "POST"])


@access(Access.MANAGE)
@require_GET
def rules(request: PurserRequest) -> HttpResponse:
    """What each rule catches, and what none does."""
    today = request.organization.local(timezone.now()).date()
    view = rules_view(organization_id=request.organization.pk, today=today)
    return render(request, "usage/rules.html", view._asdict())


@access(Access.MANAGE)
@EDIT
def rule_new(request: PurserRequest) -> HttpResponse:
    """A new rule; the address may say what it is for."""
    wanted = {name: request.GET.get(name, "") for name in ("dimension", "value", "account")}
    return _edit(request, None, {name: value for name, value in wanted.items() if value})


@access(Access.MANAGE)
@EDIT
def rule(request: PurserRequest, rule_id: int) -> HttpResponse:
    found = _rule(request, rule_id)
    return _edit(request, found, told_of(found))


def _edit(request: PurserRequest, found: AllocationRule | None, initial: dict[str, Any]) -> HttpResponse:
    """What was previewed is saved, everything else is previewed first."""
    organization, now = request.organization, timezone.now()
    today = organization.local(now).date()
    form = RuleForm(request.POST or None, organization=organization, initial=initial)
    moves, ended = None, None
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["seen"] == form.mark:
            try:
                rule_save(organization=organization, told=form.told, by=request.actor, now=now, rule=found)
            except RuleRefused as refused:
                form.add_error(None, str(refused))
            else:
                messages.success(request, _("Saved. The spend follows the rule now."))
                return redirect("usage:rules")
        moves = rule_moves(organization_id=organization.pk, today=today, gone=found, new=form.rule)
        ended = rule_ended(organization_id=organization.pk, today=today, new=form.rule, gone=found)
    context = {
        "rule": found,
        "form": form,
        "key": rule_key(organization_id=organization.pk, rule=found) if found is not None else None,
        "moves": moves,
        "ended": ended,
        "values": values_told(organization_id=organization.pk, today=today),
    }
    return render(request, "usage/rule.html", context)


@access(Access.MANAGE)
@require_POST
def rule_out(request: PurserRequest, rule_id: int) -> HttpResponse:
    rule_remove(rule=_rule(request, rule_id), by=request.actor, now=timezone.now())
    messages.success(request, _("The rule is deleted. What it caught goes to the next rule that catches it."))
    return redirect("usage:rules")


def _rule(request: PurserRequest, rule_id: int) -> AllocationRule:
    rules = AllocationRule.objects.select_related("account", "organization")
    return get_object_or_404(rules, pk=rule_id, organization=request.organization)
