"""The languages: nothing is left untranslated, sentences of providers are found again, and people choose."""

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation
from django.utils.translation import to_locale
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.languages import catalogs
from dashboard.core.languages.extraction import Message, messages_in, sentences
from dashboard.core.languages.joining import colon, either, labelled, listed, paragraph, sentence
from dashboard.core.languages.phrases import told
from dashboard.core.templatetags.purser import capability_word
from dashboard.organizations.models import User
from providers.presets import presets
from providers.registry import PROVIDERS
from providers.spec import NotOffered, Provider

OTHERS = [language for language, _name in settings.LANGUAGES if language != settings.LANGUAGE_CODE]


@pytest.fixture(scope="module")
def found() -> list[Message]:
    """Every message of the sources. Reading them takes seconds, which no other test's collection should."""
    return list(messages_in(settings.BASE_DIR))


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated_and_the_catalogs_are_in_step(found: list[Message], language: str) -> None:
    """`make messages` brings them in step; what it lists is to be translated."""
    locale = to_locale(language)
    kept, wanted = catalogs.read(locale), catalogs.updated(locale, found)
    assert list(catalogs.problems(wanted)) == []
    assert {(entry.id, entry.context) for entry in catalogs.entries(kept)} == {
        (entry.id, entry.context) for entry in catalogs.entries(wanted)
    }


def test_a_text_without_translation_is_noticed(found: list[Message]) -> None:
    missing = Message("A text that nobody has translated", "", None, "dashboard/x.py")
    catalog = catalogs.updated("zh_Hant", [*found, missing])
    assert list(catalogs.problems(catalog)) == ["not translated: A text that nobody has translated"]


def test_other_places_than_the_message_has_are_noticed() -> None:
    catalog = catalogs.updated("zh_Hant", [Message("%(count)s rows of {host}", "", None, "x.py")])
    next(iter(catalogs.entries(catalog))).string = "%(cuont)s {host}"
    assert [problem.split(":")[0] for problem in catalogs.problems(catalog)] == [
        "other places than ['%(count)s', '{host}']"
    ]


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalog_is_written_as_it_was_read(found: list[Message], language: str, tmp_path: Path) -> None:
    """Otherwise each `make messages` would change lines that nobody touched."""
    path = catalogs.path_of(to_locale(language))
    catalogs.write(catalogs.updated(to_locale(language), found), tmp_path / "again.po")
    assert (tmp_path / "again.po").read_text() == path.read_text()


def test_a_path_keeps_its_home_folder() -> None:
    catalog = catalogs.updated("zh_Hant", [Message("Paste ~/.codex/auth.json.", "", None, "x.py")])
    next(iter(catalogs.entries(catalog))).string = "貼上 /.codex/auth.json。"
    assert [problem.split(":")[0] for problem in catalogs.problems(catalog)] == [
        "a path without its ~, or with another one"
    ]


def test_what_a_declaration_says_is_found_whatever_it_holds() -> None:
    source = """
FIELD = Field(
    name="x",
    label="A | B",
    help=f"The root, for example https://{HOST}/v1. " + MORE,
    wrong_starts={"gid:": "This is a gid://x/1 = an id."},
    choices=(("a", "Off <none>"),),
)
APP = OAuthApp(steps=("Open https://x.example/apps and add one.",), token_path="https://x.example/a b")
PROVIDER = Provider(fields=(FIELD,), key_warning="See https://x.example/keys first.")
NOTHING = NotOffered(reason="See https://x.example/a for it.", fallback="")
"""
    assert sorted(sentences(ast.parse(source))) == [
        "A | B",
        "Off <none>",
        "Open https://x.example/apps and add one.",
        "See https://x.example/a for it.",
        "See https://x.example/keys first.",
        "The root, for example https://{HOST}/v1. ",
        "This is a gid://x/1 = an id.",
    ]


def test_what_people_read_in_an_adapter_is_found_and_its_technicalities_are_not() -> None:
    source = '''
"""Docs of the module are not for the page."""
PROVIDER = Provider(slug="x", name="Brand Name", summary="Prepaid wallets.")
FIELD = Field(name="api_key", label="Region", choices=(("a", "Global"), ("b", "USD")), starts_with=("sk-",))
def read(host, status):
    """Nor is this."""
    raise Retryable(f"{host} answered {status}, for {names[0]} and {names[1]}.")
QUERY = "SELECT day FROM t WHERE x = 1"
URL = f"https://{host}/a path"
'''
    assert sorted(sentences(ast.parse(source))) == [
        "Global",
        "Prepaid wallets.",
        "Region",
        "{host} answered {status}, for {value} and {value2}.",
    ]


# --- sentences that were stored in English --------------------------------------------------------------------------
ENGLISH = re.compile(r"\b[a-z]{2,} [a-z]{2,} [a-z]{2,}\b")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_sentences_of_providers_are_said_in_the_reader_s_language() -> None:
    with translation.override("zh-hant"):
        assert told("api.deepseek.com answered 429, too many calls.") == "api.deepseek.com 回覆 429，呼叫過多。"
        assert told("CNY wallet") == "CNY 錢包"
        assert told("gpt-5.1-mini") == "gpt-5.1-mini"
        assert told("") == ""
    with translation.override("zh-hans"):
        assert told("api.x.ai was not called: it is a private or reserved address.").startswith("未调用 api.x.ai：")
    with translation.override("en"):
        assert told("CNY wallet") == "CNY wallet"


def said_to_people(provider: Provider) -> list[str]:
    """Every sentence of a provider's declarations."""
    said = [provider.summary, provider.key_warning]
    for field in provider.fields:
        said += [field.label, field.help, *field.wrong_starts.values(), *(words for _value, words in field.choices)]
    for app in provider.oauth_apps:
        said += [app.label, *app.steps]
    absent = [one for one in provider.capabilities.values() if isinstance(one, NotOffered)]
    return said + [f"{one.reason} {one.fallback}".strip() for one in absent]


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("slug", sorted(PROVIDERS))
def test_all_that_a_provider_s_declarations_say_is_said_in_the_reader_s_language(slug: str, language: str) -> None:
    with translation.override(language):
        for text in said_to_people(PROVIDERS[slug]):
            said = told(text)
            if len(text.split()) > 3:  # fewer words may be a name, "AccessKey ID"
                assert CHINESE.search(said), text
            assert not ENGLISH.search(said.replace("personal access token", "")), said


@pytest.mark.parametrize("language", OTHERS)
def test_what_our_descriptions_say_of_themselves_is_said_in_the_reader_s_language(language: str) -> None:
    with translation.override(language):
        for one in presets().values():
            assert not one["summary"] or CHINESE.search(told(one["summary"])), one["summary"]


def test_several_sentences_are_told_in_one_language() -> None:
    known, unknown = "api.x.ai answered 500.", "Nobody has ever translated this one."
    with translation.override("zh-hant"):
        assert CHINESE.search(told(known))
        assert told(f"{known} {unknown}") == f"{known} {unknown}"
        assert told(f"{unknown} {known}") == f"{unknown} {known}"
        # Nor does a sentence that is unknown hide in a place of one that is known.
        inside = f"The key was not judged: {unknown} It is kept, and Purser goes on trying."
        assert told(inside) == inside


def test_a_sentence_takes_no_words_of_other_catalogs_and_none_by_its_end_alone() -> None:
    with translation.override("zh-hant"):
        assert translation.gettext("provider") != "provider", "django-allauth has another word than Purser"
        assert "提供者" not in told("The provider answered 500.")
        assert told("Management API") == "Management API", "that is what the catalog says"


def test_sentences_within_sentences_are_translated_too() -> None:
    whole = (
        "This key may not read projects, limits and keys: that takes the scope api.management.read. "
        "An inference key never has it: enter an admin key (sk-admin-...)."
    )
    with translation.override("zh-hant"):
        said = told(whole)
    assert "api.management.read" in said
    assert not re.search(r"\b(inference|projects|never)\b", said)


def test_a_sentence_with_a_colon_or_semicolon_within_is_found_beside_another() -> None:
    with translation.override("zh-hant"):
        for text in (
            "vLLM runs on your own machines: there is no account, and so no balance. Ask the operator.",
            "Mistral tells no balance to a key of any kind; prepaid credit shows only in its Admin panel. "
            "Ask the operator.",
        ):
            assert not re.search(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}", told(text)), "all of it is in the reader's language"


def test_lists_labels_and_sentences_have_the_marks_of_their_language() -> None:
    assert listed(["Search", "Support"]) == "Search, Support"
    assert labelled("Weight", 70) == "Weight: 70"
    assert sentence("billed") == "Billed."
    assert either(["a", "b", "c"]) == "a or b or c"
    assert paragraph("One.", "", "Two.") == "One. Two."
    with translation.override("zh-hant"):
        assert listed(["Search", "Support"]) == "Search、Support"
        assert labelled("權重", 70) == "權重：70"
        assert (colon(), sentence("已計費")) == ("：", "已計費。")
        assert either(["甲", "乙"]) == "甲或乙"
        assert paragraph("一。", "二。") == "一。二。"


def test_two_sentences_side_by_side_are_both_translated() -> None:
    with translation.override("zh-hant"):
        said = told("DeepSeek has no cost history for an API key. The balance history shows how fast the money goes.")
    assert said.count("。") == 2
    assert "history" not in said


@pytest.mark.parametrize("language", OTHERS)
def test_what_a_preset_says_of_its_fields_and_of_what_it_does_not_tell_is_translated(language: str) -> None:
    with translation.override(language):
        for one in presets().values():
            for call in one["capabilities"].values():
                said = told(f"{call.get('absent', '')} {call.get('fallback', '')}".strip())
                assert not said or not ENGLISH.search(said), said
            for entered in (*one["secrets"], *one["fields"]):
                assert not entered.get("help") or not ENGLISH.search(told(entered["help"])), entered
                assert CHINESE.search(told(entered["label"])), entered


@given(host=st.from_regex(r"[a-z]{1,12}\.example", fullmatch=True), status=st.integers(400, 599))
def test_what_stood_in_the_places_stands_there_again(host: str, status: int) -> None:
    with translation.override("zh-hans"):
        said = told(f"{host} answered {status}.")
    assert host in said
    assert str(status) in said
    assert CHINESE.search(said)


# --- which language a page speaks -----------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "spoken"),
    [("zh-TW", "zh-hant"), ("zh-HK", "zh-hant"), ("zh-CN", "zh-hans"), ("de", "en"), ("zh-Hans-SG", "zh-hans")],
)
def test_a_stranger_gets_what_the_browser_asks_for(client: Client, asked: str, spoken: str) -> None:
    page = client.get("/sign-in/", headers={"accept-language": asked}).content.decode()
    assert f'<html lang="{spoken}"' in page


@pytest.mark.django_db
def test_the_switch_is_kept_for_the_browser_and_for_the_person(client: Client, owner: User) -> None:
    answer = client.post("/language/", {"language": "zh-hant"}, headers={"referer": "http://testserver/sign-in/?x=1"})
    assert (answer.status_code, answer["Location"]) == (302, "http://testserver/sign-in/?x=1")
    assert 'lang="zh-hant"' in client.get("/sign-in/").content.decode()
    client.force_login(owner)
    client.post("/language/", {"language": "zh-hans"})
    owner.refresh_from_db()
    assert owner.language == "zh-hans"
    elsewhere = Client()
    elsewhere.force_login(owner)
    assert 'lang="zh-hans"' in elsewhere.get("/profile/", headers={"accept-language": "en"}).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_the_switch_sends_nobody_elsewhere(client: Client, address: str) -> None:
    assert client.post("/language/", {"language": "zh-hant"}, headers={"referer": address})["Location"] == "/"


@pytest.mark.django_db
def test_an_unknown_language_changes_nothing(client: Client, owner: User) -> None:
    client.force_login(owner)
    answer = client.post("/language/", {"language": "tlh"})
    owner.refresh_from_db()
    assert (answer.status_code, owner.language, settings.LANGUAGE_COOKIE_NAME in answer.cookies) == (302, "", False)


@pytest.mark.django_db
def test_the_profile_follows_the_browser_again_when_nothing_is_chosen(client: Client, owner: User) -> None:
    client.force_login(owner)
    client.post("/profile/", {"name": "Mei Lin", "language": "zh-hant"})
    owner.refresh_from_db()
    assert owner.language == "zh-hant"
    client.post("/profile/", {"name": "Mei Lin", "language": ""})
    owner.refresh_from_db()
    assert owner.language == ""


def test_capabilities_have_words_in_every_language() -> None:
    for language in OTHERS:
        with translation.override(language):
            assert CHINESE.search(capability_word("balance"))


def test_a_sentence_is_not_mistaken_for_a_short_message_with_places() -> None:
    """ "%(used)s of %(limit)s" would fit half of all sentences."""
    with translation.override("zh-hant"):
        assert told("A figure of nobody's in particular") == "A figure of nobody's in particular"
        assert told("Member spend limit · user_01") == "成員花費上限 · user_01"
