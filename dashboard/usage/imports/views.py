"""The pages of an import: upload, columns, what it would do, done, undo."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from dashboard.core.drawing import progress_geometry
from dashboard.core.encryption import Unreadable
from dashboard.core.languages.phrases import told
from dashboard.core.uploads import takes_file, too_large
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.access import access, limited
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from dashboard.organizations.services import Refused
from dashboard.usage.imports.dialect import FileProblem
from dashboard.usage.imports.forms import DialectForm, MappingForm, UploadForm
from dashboard.usage.imports.held import MOST_BYTES, Gone
from dashboard.usage.imports.lines import Mapping
from dashboard.usage.imports.report import report_of
from dashboard.usage.imports.selectors import import_progress, import_sample, imports_of, own_units
from dashboard.usage.imports.services import (
    AlreadyThere,
    import_commit,
    import_drop,
    import_reread,
    import_try,
    import_undo,
    import_upload,
)
from dashboard.usage.imports.work import import_work
from dashboard.usage.models import ImportState, UsageImport

LOOKS = {
    ImportState.PREVIEWED: "waiting",
    ImportState.CHECKING: "syncing",
    ImportState.CHECKED: "waiting",
    ImportState.IMPORTING: "syncing",
    ImportState.IMPORTED: "passed",
    ImportState.FAILED: "failed",
    ImportState.UNDONE: "retired",
}


@access(Access.MANAGE)
@takes_file(MOST_BYTES)
@limited("imports", amount=60, within=timedelta(minutes=10), per="organization")
@require_http_methods(["GET", "POST"])
def account_imports(request: PurserRequest, account_id: int) -> HttpResponse:
    """The imports of an account, and the form for another one."""
    account = get_object_or_404(ProviderAccount, pk=account_id, organization=request.organization)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST":
        form = UploadForm(request.POST, request.FILES)
        if too_large(request):
            words = _("The file is larger than %(most)d MB. Split it.") % {"most": MOST_BYTES >> 20}
            form.errors["file"] = form.error_class([words])
        elif form.is_valid() and (made := _uploaded(request, account, form)):
            return redirect("imports:columns", import_id=made.pk)
    rows = [_row(one) for one in imports_of(account=account)]
    return render(request, "imports/account_imports.html", {"account": account, "form": form, "imports": rows})


def _uploaded(request: PurserRequest, account: ProviderAccount, form: UploadForm) -> UsageImport | None:
    """The import that an upload has become; else the form says why it has not."""
    file = form.cleaned_data["file"]
    try:
        return import_upload(account=account, file_name=file.name, file=file.file, by=request.actor, now=timezone.now())
    except FileProblem as problem:
        form.add_error("file", str(problem))
    except AlreadyThere as there:
        if there.other.state == ImportState.PREVIEWED:
            messages.info(request, _("This file was uploaded before, and waits here."))
            return there.other
        form.add_error("file", _already(there.other))
    return None


def _already(other: UsageImport) -> str:
    values = {"name": other.file_name, "day": timezone.localtime(other.at).strftime("%Y-%m-%d")}
    if other.state == ImportState.IMPORTED:
        return _("The same file was imported on %(day)s as %(name)s. Undo that import first.") % values
    return _("The same file was uploaded on %(day)s as %(name)s. Go on with that one below, or drop it.") % values


@access(Access.MANAGE)
@limited("imports", amount=60, within=timedelta(minutes=10), per="organization")
@require_http_methods(["GET", "POST"])
def columns(request: PurserRequest, import_id: int) -> HttpResponse:
    """What each column is; a POST tries the file with that."""
    found = _import(request, import_id)
    if found.state not in (ImportState.PREVIEWED, ImportState.CHECKED):
        return redirect("imports:one", import_id=found.pk)
    try:
        sample = import_sample(found)
    except (Gone, Unreadable):
        import_drop(usage_import=found)
        messages.error(request, _("The upload could not be read any more, and is dropped. Upload it again."))
        return redirect("imports:account_imports", account_id=found.account_id)
    mapping, units = Mapping.from_json(found.mapping), own_units(account=found.account)
    form = MappingForm(request.POST or None, sample=sample, mapping=mapping, own_units=units)
    if request.method == "POST" and form.is_valid():
        if import_try(usage_import=found, mapping=form.chosen, now=timezone.now()):
            import_work(import_id=found.pk, clock=timezone.now)
        return redirect("imports:one", import_id=found.pk)
    dialect = DialectForm(initial={"encoding": mapping.encoding, "delimiter": mapping.delimiter})
    context = {"one": found, "account": found.account, "form": form, "dialect": dialect, "mapping": mapping}
    return render(request, "imports/columns.html", context)


@access(Access.MANAGE)
@limited("imports", amount=60, within=timedelta(minutes=10), per="organization")
@require_POST
def reread(request: PurserRequest, import_id: int) -> HttpResponse:
    """Read the file anew with another encoding or separator."""
    found = _import(request, import_id)
    form = DialectForm(request.POST)
    try:
        if form.is_valid():
            import_reread(usage_import=found, now=timezone.now(), **form.cleaned_data)
    except (FileProblem, Gone, Unreadable) as problem:
        messages.error(request, str(problem) or _("The upload could not be read any more."))
    return redirect("imports:columns", import_id=found.pk)


@access(Access.MANAGE)
@require_GET
def one(request: PurserRequest, import_id: int) -> HttpResponse:
    """An import as it stands: under way, tried, done, failed or undone."""
    found = _import(request, import_id)
    if found.state == ImportState.PREVIEWED:
        return redirect("imports:columns", import_id=found.pk)
    context = {
        "one": found,
        "look": LOOKS[ImportState(found.state)],
        "account": found.account,
        "problem": told(found.problem),
        "report": report_of(found, now=timezone.now()),
        "progress": _progress(found),
    }
    return render(request, "imports/import.html", context)


@access(Access.MANAGE)
@require_GET
def progress(request: PurserRequest, import_id: int) -> HttpResponse:
    """How far it is; when there is nothing to wait for, on to the page that says what came out."""
    found = _import(request, import_id)
    under_way = _progress(found)
    if not under_way["busy"]:
        return HttpResponseClientRedirect(reverse("imports:one", args=[found.pk]))
    return render(request, "imports/_progress.html", {"progress": under_way})


@access(Access.MANAGE)
@limited("imports", amount=60, within=timedelta(minutes=10), per="organization")
@require_POST
def commit(request: PurserRequest, import_id: int) -> HttpResponse:
    found = _import(request, import_id)
    try:
        if import_commit(usage_import=found, by=request.actor, now=timezone.now()):
            import_work(import_id=found.pk, clock=timezone.now)
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("imports:one", import_id=found.pk)


@access(Access.MANAGE)
@require_http_methods(["GET", "POST"])
def undo(request: PurserRequest, import_id: int) -> HttpResponse:
    """Asks, and on POST takes back all that the import brought."""
    found = _import(request, import_id)
    if request.method == "GET":
        if found.state not in (ImportState.IMPORTED, ImportState.IMPORTING):
            return redirect("imports:one", import_id=found.pk)
        report = report_of(found, now=timezone.now())
        return render(request, "imports/undo.html", {"one": found, "account": found.account, "report": report})
    try:
        gone = import_undo(usage_import=found, by=request.actor, now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        words = ngettext("Undone: %(count)d record is gone.", "Undone: %(count)d records are gone.", gone)
        messages.success(request, words % {"count": gone})
    return redirect("imports:account_imports", account_id=found.account_id)


@access(Access.MANAGE)
@require_POST
def drop(request: PurserRequest, import_id: int) -> HttpResponse:
    found = _import(request, import_id)
    if import_drop(usage_import=found):
        messages.success(request, _("The upload is gone. Nothing of it was imported."))
    else:
        messages.error(request, _("It is not waiting any more. Undo it instead."))
    return redirect("imports:account_imports", account_id=found.account_id)


def _import(request: PurserRequest, import_id: int) -> UsageImport:
    everything = UsageImport.objects.select_related("account__organization", "by")
    return get_object_or_404(everything, pk=import_id, organization=request.organization)


def _row(found: UsageImport) -> dict[str, Any]:
    return {"one": found, "look": LOOKS[ImportState(found.state)], "words": found.get_state_display()}


def _progress(found: UsageImport) -> dict[str, Any]:
    come = import_progress(found)
    percent = Decimal(come.done * 100) / come.total
    return {
        "busy": come.busy,
        "trying": found.state == ImportState.CHECKING,
        "percent": round(percent),
        "share": progress_geometry(percent),
        "url": reverse("imports:progress", args=[found.pk]),
        "page": reverse("imports:one", args=[found.pk]),
    }
