"""The pages of an import: the whole way through, what they say, and who may use them."""

import html
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard import pipeline
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import Membership, Organization, Role, User
from dashboard.usage.imports import services
from dashboard.usage.imports.work import MOST_TRIES, import_work
from dashboard.usage.models import CostRecord, ImportState, UsageImport, UsageImportPart
from tests.usage.imports.files import COSTS, written


@pytest.fixture
def account(organization: Organization) -> ProviderAccount:
    return ProviderAccount.objects.create(organization=organization, provider_slug="deepseek", label="Main")


@pytest.fixture
def mei(owner: User, noted_templates: None) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def page(response: Any) -> str:
    """The text of a page, without its tags."""
    assert response.status_code == 200
    body = re.sub(r"(?s)<(script|style|svg|template)\b.*?</\1>|<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", html.unescape(body))


def upload(client: Client, account: ProviderAccount, text: str | bytes, name: str = "costs.csv") -> Any:
    data = text if isinstance(text, bytes) else text.encode()
    url = reverse("imports:account_imports", args=[account.pk])
    return client.post(url, {"file": SimpleUploadedFile(name, data)}, follow=True)


def form_of(response: Any) -> dict[str, Any]:
    """What the browser would send of the form with the columns."""
    form = response.context["form"]
    values = {field.name: field.value() for field in form}
    return {name: value for name, value in values.items() if value not in (None, False)}


def latest() -> UsageImport:
    return UsageImport.objects.latest("pk")


def at(name: str) -> str:
    return reverse(f"imports:{name}", args=[latest().pk])


def test_from_upload_to_undo(mei: Client, account: ProviderAccount) -> None:
    assert (
        reverse("imports:account_imports", args=[account.pk])
        in mei.get(reverse("credentials:account", args=[account.pk])).content.decode()
    )
    columns = upload(mei, account, COSTS + "Total,,,,,2.5\n")
    told = page(columns)
    for words in ("usage_date_utc", "2026-11-16 · 2026-11-17", "Research", "cost_usd"):
        assert words in told
    trial = page(mei.post(at("columns"), form_of(columns), follow=True))
    for words in ("Nothing is imported yet", "Line 5 : “Total” is no date.", "Import 3 lines", "$2.50 USD"):
        assert words in trial.replace("\u00a0", " "), words
    assert not CostRecord.objects.exists()
    done = page(mei.post(at("commit"), follow=True))
    assert "Imported" in done
    assert CostRecord.objects.count() == 3
    assert "3 records" in page(mei.get(reverse("imports:account_imports", args=[account.pk])))
    asked = page(mei.get(at("undo"))).replace("\u00a0", " ")
    for words in ("Records 3 ", "Days 2 Mon 16 Nov to Tue 17 Nov", "Cost −$2.50 USD"):
        assert words in asked, words
    assert CostRecord.objects.count() == 3, "asking undoes nothing"
    assert "Undone: 3 records are gone." in page(mei.post(at("undo"), follow=True))
    assert not CostRecord.objects.exists()
    undone = page(mei.get(at("one")))
    assert "Nothing of this file counts any more." in undone
    assert "undone" in undone
    assert "Result" not in undone, "no day of it counts"


def test_days_that_another_import_has_are_not_offered(mei: Client, account: ProviderAccount) -> None:
    for name, text in (("first.csv", COSTS), ("again.csv", COSTS.replace(",ci,", ",other,"))):
        columns = upload(mei, account, text, name)
        trial = page(mei.post(at("columns"), form_of(columns), follow=True))
        if name == "first.csv":
            mei.post(at("commit"))
    assert "another import or a typed entry already has all 2 days" in trial
    assert "Cannot be read 0" in trial
    assert "Import 3 lines" not in trial
    assert at("commit") not in mei.get(at("one")).content.decode()
    mei.post(at("drop"))
    part = COSTS.replace("2026-11-16", "2026-11-15")
    columns = upload(mei, account, part, "part.csv")
    trial = page(mei.post(at("columns"), form_of(columns), follow=True))
    assert "already has cost of 1 of these 2 days" in trial
    assert "Import 2 of 3 lines" in trial


def test_what_went_wrong_is_said_in_the_language_of_the_reader(mei: Client, account: ProviderAccount) -> None:
    """The work may be done by a worker, which knows no reader, or while another person waits."""
    User.objects.update(language="zh-hant")
    columns = upload(mei, account, COSTS + "Total,,,,,2.5\n")
    assert "20 MB" in page(mei.get(reverse("imports:account_imports", args=[account.pk])))
    trial = page(mei.post(at("columns"), form_of(columns), follow=True))
    (refusal,) = latest().report["refusals"]
    assert refusal["words"].startswith("“Total” is no date.")
    assert refusal["words"] not in trial
    UsageImport.objects.update(state=ImportState.IMPORTING, tries=MOST_TRIES, steps_done=0)
    import_work(import_id=latest().pk, clock=timezone.now)
    assert latest().problem.startswith("Purser stopped 4 times")
    failed = mei.get(at("one"))
    told = page(failed)
    assert "Purser stopped" not in told
    assert "Nothing was imported" not in told
    assert reverse("imports:account_imports", args=[account.pk]) in failed.content.decode()


def test_the_same_file_is_said_clearly(mei: Client, account: ProviderAccount) -> None:
    columns = upload(mei, account, COSTS)
    assert "waits here" in page(upload(mei, account, COSTS))
    mei.post(at("columns"), form_of(columns))
    assert "Go on with that one below" in page(upload(mei, account, COSTS))
    mei.post(at("commit"))
    assert "Undo that import first." in page(upload(mei, account, COSTS))
    assert UsageImport.objects.count() == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty."),
        (b"PK\x03\x04", "Excel workbook"),
        (b"2026-11-16,m,1\n", "no line with the names of the columns"),
    ],
)
def test_an_unreadable_file_is_refused_in_words(mei: Client, account: ProviderAccount, data: bytes, words: str) -> None:
    assert words in page(upload(mei, account, data))
    assert not UsageImport.objects.exists()
    url = reverse("imports:account_imports", args=[account.pk])
    assert "This field is required." in page(mei.post(url, {}))


def test_what_is_ambiguous_is_asked(mei: Client, account: ProviderAccount) -> None:
    columns = upload(mei, account, 'date,tokens in,cost\n03/04/2026,"1,234",5\n')
    told = page(mei.post(at("columns"), form_of(columns)))
    assert "Say whether the day or the month is first" in told
    assert latest().state == ImportState.PREVIEWED
    said = {**form_of(columns), "order": "dmy", "decimal": ".", "unit": "EUR"}
    assert "3 April" not in page(mei.post(at("columns"), said, follow=True))
    (day,) = latest().report["days"]
    assert (day["day"], day["counts"]["input_tokens"], day["amounts"]) == ("2026-04-03", 1234, {"EUR": "5"})


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"column_0": ""}, "Say which column holds the date"),
        ({"column_5": ""}, "there is nothing to import"),
        ({"column_1": "time"}, "Two columns are “Date or time”"),
        ({"column_1": "nonsense"}, "Select a valid choice"),
        ({"zone": "Mars/Olympus"}, "Not done yet"),
        ({"decimal": ","}, "written with the other one"),
        ({"unit": "Dollars"}, "Select a valid choice"),
        ({"period": "week"}, "Select a valid choice"),
    ],
)
def test_columns_that_make_no_sense_are_refused(
    mei: Client, account: ProviderAccount, said: dict[str, str], words: str
) -> None:
    columns = upload(mei, account, COSTS)
    assert words in page(mei.post(at("columns"), {**form_of(columns), **said}))
    assert latest().state == ImportState.PREVIEWED


def test_the_file_can_be_read_again(mei: Client, account: ProviderAccount) -> None:
    upload(mei, account, "date;model;cost\n2026-11-16;Café;1\n".encode("latin-1"))
    assert "not written in UTF-8" in page(mei.get(at("columns")))
    told = mei.post(at("reread"), {"encoding": "latin-1", "delimiter": "|"}, follow=True)
    assert "no line with the names" in page(told)
    assert latest().mapping["delimiter"] == ";"
    mei.post(at("reread"), {"encoding": "gb18030", "delimiter": ";"})
    assert latest().mapping["encoding"] == "gb18030"
    mei.post(at("reread"), {"encoding": "klingon", "delimiter": ";"})
    assert latest().mapping["encoding"] == "gb18030"


def test_an_upload_that_cannot_be_read_any_more_is_dropped(mei: Client, account: ProviderAccount) -> None:
    upload(mei, account, COSTS)
    UsageImportPart.objects.update(sealed_content="gAAAAA-not-ours")
    told = page(mei.post(at("reread"), {"encoding": "latin-1", "delimiter": ";"}, follow=True))
    assert "is dropped. Upload it again." in told
    assert not UsageImport.objects.exists()


def test_a_large_file_shows_how_far_it_is(
    mei: Client, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "INLINE_BYTES", 10)
    columns = upload(mei, account, COSTS)
    told = mei.post(at("columns"), form_of(columns), follow=True)
    assert "Reading the file" in page(told)
    assert at("progress") in told.content.decode()
    assert "Reading the file" in page(mei.get(at("progress")))
    assert mei.get(at("columns")).status_code == 302
    pipeline.work_import(latest().pk)
    assert mei.get(at("progress"))["HX-Redirect"] == at("one")
    assert "Importing" in page(mei.post(at("commit"), follow=True))
    pipeline.work_import(latest().pk)
    assert "Imported" in page(mei.get(at("one")))


def test_dropping_forgets_the_upload(mei: Client, account: ProviderAccount) -> None:
    columns = upload(mei, account, COSTS)
    assert "The upload is gone." in page(mei.post(at("drop"), follow=True))
    assert not UsageImport.objects.exists()
    columns = upload(mei, account, COSTS)
    mei.post(at("columns"), form_of(columns))
    mei.post(at("commit"))
    assert "Undo it instead." in page(mei.post(at("drop"), follow=True))
    assert CostRecord.objects.exists()


def test_cells_and_names_of_a_file_are_escaped(mei: Client, account: ProviderAccount) -> None:
    evil = "<script>alert(1)</script>"
    rows = [["2026-11-16", evil, "1"], [evil, evil, "1"], ["2026-11-16", evil, evil]]
    columns = upload(mei, account, written(["date", "model", f"cost {evil}"], rows), f"{evil}.csv")
    assert evil not in columns.content.decode()
    values = {**form_of(columns), "column_0": "time", "column_2": "amount", "unit": "USD"}
    trial = mei.post(at("columns"), values, follow=True)
    assert evil not in trial.content.decode()
    assert "Line 3" in page(trial)
    assert evil not in mei.get(reverse("imports:account_imports", args=[account.pk])).content.decode()


def test_only_those_who_manage_import(mei: Client, account: ProviderAccount, organization: Organization) -> None:
    columns = upload(mei, account, COSTS)
    values, list_url = form_of(columns), reverse("imports:account_imports", args=[account.pk])
    for role, status in ((Role.LEAD, 403), (Role.VIEWER, 403)):
        person = User.objects.create_user(f"{role}@harbor.example", name=str(role))
        Membership.objects.create(organization=organization, user=person, role=role, sees_all=True)
        client = Client()
        client.force_login(person)
        assert upload(client, account, COSTS + "\n").status_code == status
        assert client.post(at("columns"), values).status_code == status
        assert client.post(at("commit")).status_code == status
        assert list_url not in client.get(reverse("credentials:account", args=[account.pk])).content.decode()
    island = Organization.objects.create(name="Island")
    rui = User.objects.create_user("rui@island.example", name="Rui")
    Membership.objects.create(organization=island, user=rui, role=Role.OWNER)
    client = Client()
    client.force_login(rui)
    assert upload(client, account, COSTS).status_code == 404
    for name in ("one", "columns", "progress", "undo"):
        assert client.get(at(name)).status_code == 404
    for name in ("columns", "reread", "commit", "undo", "drop"):
        assert client.post(at(name)).status_code == 404
    assert latest().state == ImportState.PREVIEWED
