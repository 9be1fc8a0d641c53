"""Describing a provider: choose where to start, fill in, try, save, share."""

from collections.abc import Mapping
from datetime import timedelta
from time import monotonic
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from dashboard.credentials.catalog import DescribedProvider
from dashboard.credentials.described.forms import DeleteForm, GeneralForm, JsonForm, NewForm, PartForm
from dashboard.credentials.described.lines import BadLine
from dashboard.credentials.described.parts import CHECK, CapabilityForm, CheckForm
from dashboard.credentials.described.selectors import (
    accounts_using,
    consequences_of,
    described_of,
    document_read,
    document_text,
    is_whole,
)
from dashboard.credentials.described.services import described_change, described_create, described_delete
from dashboard.credentials.described.trial import described_try
from dashboard.credentials.forms import ConnectForm
from dashboard.credentials.selectors import provider_card
from dashboard.organizations.access import access, limited
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from dashboard.organizations.services import Refused
from providers.described import problems, provider_from
from providers.spec import CAPABILITIES, Endpoint, Provider


@access(Access.MANAGE)
@require_GET
def described_list(request: PurserRequest) -> HttpResponse:
    rows = [
        {
            "described": one,
            "provider": provider_card(one.provider),
            "whole": one.provider.offers_anything,
            "accounts": len(accounts_using(one)),
        }
        for one in described_of(organization_id=request.organization.pk)
    ]
    return render(request, "credentials/described/list.html", {"rows": rows})


@access(Access.MANAGE)
@require_http_methods(["GET", "POST"])
def described_new(request: PurserRequest) -> HttpResponse:
    form = NewForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and form.document is not None:
        try:
            made = described_create(
                organization=request.organization, document=form.document, by=request.actor, now=timezone.now()
            )
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("Kept. Look through it, try it with a key, then connect an account."))
            return redirect("credentials:described_general", described_id=made.pk)
    return render(request, "credentials/described/new.html", {"form": form})


@access(Access.MANAGE)
@require_http_methods(["GET", "POST"])
def described_general(request: PurserRequest, described_id: int) -> HttpResponse:
    described = _described(request, described_id)
    form = GeneralForm(request.POST or None, document=described.document, version=described.version)
    return _edit(request, described, form, "general")


@access(Access.MANAGE)
@require_http_methods(["GET", "POST"])
def described_part(request: PurserRequest, described_id: int, part: str) -> HttpResponse:
    """How one capability is read, or how a key is checked."""
    described = _described(request, described_id)
    if part not in (*CAPABILITIES, CHECK):
        raise Http404
    kind = CheckForm if part == CHECK else CapabilityForm
    form = kind(request.POST or None, part=part, document=described.document, version=described.version)
    return _edit(request, described, form, part)


@access(Access.MANAGE)
@require_http_methods(["GET", "POST"])
def described_json(request: PurserRequest, described_id: int) -> HttpResponse:
    described = _described(request, described_id)
    initial = {"text": document_text(described.document), "version": described.version}
    form = JsonForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid() and form.document is not None:
        answer = _finish(request, described, form, form.document)
        if answer is not None:
            return answer
    return render(request, "credentials/described/json.html", _context(described, form, "json"))


@access(Access.MANAGE)
@limited("trials", amount=30, within=timedelta(minutes=10), per="organization")
@require_http_methods(["GET", "POST"])
def described_test(request: PurserRequest, described_id: int) -> HttpResponse:
    """Read with a key that is kept nowhere, by the stored description or by one that is not saved yet."""
    described = _described(request, described_id)
    text = request.POST.get("document", "") or document_text(described.document)
    document, wrong = document_read(text)
    if document is None:
        messages.error(request, _("Not ready to be tried: %(words)s") % {"words": _first(wrong)})
        return redirect("credentials:described_json", described_id=described.pk)
    context = _trial_context(described, document, request.POST if request.method == "POST" else None)
    form, capability = context["form"], request.POST.get("capability", "")
    if request.method == "POST" and form.is_valid() and capability in (*CAPABILITIES, CHECK):
        values, provider = form.values, context["provider"]
        context["trial"] = described_try(
            provider=provider, capability=capability, values=values, now=timezone.now(), clock=monotonic
        )
    return _private(render(request, "credentials/described/test.html", context))


@access(Access.MANAGE)
@require_GET
def described_export(request: PurserRequest, described_id: int) -> HttpResponse:
    """The document as a file: it holds no secret, and no trace of who uses it."""
    described = _described(request, described_id)
    response = HttpResponse(document_text(described.document), content_type="application/json; charset=utf-8")
    name = slugify(described.name) or "provider"
    response["Content-Disposition"] = f'attachment; filename="{name}.purser-provider.json"'
    return response


@access(Access.MANAGE)
@require_http_methods(["GET", "POST"])
def described_remove(request: PurserRequest, described_id: int) -> HttpResponse:
    """Asks, and is refused while accounts use it."""
    described = _described(request, described_id)
    form = DeleteForm(request.POST if request.method == "POST" else None, name=described.name)
    if request.method == "POST" and form.is_valid():
        try:
            described_delete(described=described, by=request.actor, now=timezone.now())
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("%(name)s is deleted.") % {"name": described.name})
            return redirect("credentials:described_list")
    context = {
        "described": described,
        "form": form,
        "accounts": accounts_using(described),
        "capabilities": len(_offered(described.provider)),
    }
    return render(request, "credentials/described/remove.html", context)


# --- Shared by the editor's pages ---------------------------------------------------------------------------------


def _described(request: PurserRequest, described_id: int) -> DescribedProvider:
    return get_object_or_404(DescribedProvider, pk=described_id, organization=request.organization)


def _edit(request: PurserRequest, described: DescribedProvider, form: PartForm, part: str) -> HttpResponse:
    """One of the forms over a part of the document. What was typed stays in its fields when it cannot be saved."""
    if request.method == "POST" and form.is_valid():
        draft = not accounts_using(described)
        try:
            document = form.written()
        except BadLine as bad:
            form.add_error(None, str(bad))
        else:
            if form.judge(problems(document), draft=draft):
                answer = _finish(request, described, form, document)
                if answer is not None:
                    return answer
    template = "general" if part == "general" else "check" if part == CHECK else "capability"
    return render(request, f"credentials/described/{template}.html", _context(described, form, part))


def _finish(
    request: PurserRequest, described: DescribedProvider, form: Any, document: dict[str, Any]
) -> HttpResponse | None:
    """Try it or save it, as the button says; None when the form has to be shown again."""
    if request.POST.get("action") == "test":
        if not is_whole(document):
            form.add_error(None, _("Not ready to be tried: %(words)s") % {"words": _first(problems(document))})
            return None
        context = _trial_context(described, document, None)
        return _private(render(request, "credentials/described/test.html", context))
    consequences = consequences_of(described, document)
    if consequences.words and request.POST.get("agreed") != consequences.mark:
        form.consequences = consequences
        return None
    version, now = form.cleaned_data["version"], timezone.now()
    try:
        gone = described_change(described=described, document=document, version=version, by=request.actor, now=now)
    except Refused as refused:
        form.add_error(None, str(refused))
        return None
    messages.success(request, _("Saved."))
    if gone:
        words = _("Dropped, because the keys must not go there: those of %(accounts)s. Enter them again.")
        messages.warning(request, words % {"accounts": ", ".join(gone)})
    return redirect(request.path)


def _context(described: DescribedProvider, form: Any, part: str) -> dict[str, Any]:
    provider = described.provider
    return {
        "described": described,
        "form": form,
        "part": part,
        "tabs": _tabs(described, part),
        "whole": provider.offers_anything,
        "connect_url": reverse("credentials:connect_form", args=[described.slug]),
        "left_to_do": "" if provider.offers_anything else _first(problems(described.document)),
        "accounts": accounts_using(described),
    }


def _tabs(described: DescribedProvider, part: str) -> list[dict[str, Any]]:
    parts = {**described.document.get("capabilities", {}), CHECK: described.document.get(CHECK)}
    rows = [("general", _("General"), reverse("credentials:described_general", args=[described.pk]))]
    for name in (CHECK, *CAPABILITIES):
        words = _("Check") if name == CHECK else name
        rows.append((name, words, reverse("credentials:described_part", args=[described.pk, name])))
    rows.append(("json", "JSON", reverse("credentials:described_json", args=[described.pk])))
    return [
        {
            "name": name,
            "words": words,
            "url": url,
            "here": name == part,
            "capability": name in CAPABILITIES,
            **_part_state(parts.get(name)),
        }
        for name, words, url in rows
    ]


def _part_state(part: Any) -> dict[str, str]:
    """How a part of the description stands, as a glyph and what it means; nothing of what is not described."""
    if not isinstance(part, Mapping):
        return {"told": ""}
    if "absent" in part:
        return {"told": _("the provider has none"), "glyph": "g-off", "look": "st-off"}
    return {"told": _("described"), "glyph": "g-ok", "look": "st-ok"} if "path" in part else {"told": ""}


def _trial_context(described: DescribedProvider, document: Mapping[str, Any], data: Any) -> dict[str, Any]:
    provider = provider_from(document, slug=described.slug, checked=described.updated_at.date())
    form = ConnectForm(data if data is not None and "capability" in data else None, provider=provider)
    form.fields.pop("label", None)
    unsaved = document != described.document
    return {
        "described": described,
        "provider": provider,
        "form": form,
        "offered": [CHECK, *_offered(provider)],
        "chosen": (data or {}).get("capability", ""),
        "document": document_text(document) if unsaved else "",
        "version": described.version,
        "trial": None,
        "hosts": ", ".join(sorted(provider.hosts)),
    }


def _offered(provider: Provider) -> list[str]:
    return [name for name in CAPABILITIES if isinstance(provider.endpoint(name), Endpoint)]


def _first(wrong: Any) -> str:
    return next((f"{one.path}: {one.words}" if one.path else one.words for one in wrong), "")


def _private(response: HttpResponse) -> HttpResponse:
    """The page shows what a provider answered: nobody keeps it."""
    response["Cache-Control"] = "no-store"
    return response
