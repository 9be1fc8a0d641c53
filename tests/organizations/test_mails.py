"""What mails say: two parts with the same words, in the language of whoever gets them, and nothing from elsewhere."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import allauth
import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from dashboard.core.encryption import open_text
from dashboard.organizations.audit import Actor
from dashboard.organizations.mail import mail_carry, mail_queue, managers_mail
from dashboard.organizations.mail.letters import dressed, language_of
from dashboard.organizations.models import Membership, Organization, OutgoingMail, Role, User
from dashboard.organizations.services import Reach, invitation_create, invitation_mail

Settings = Any
BASE = "http://purser.example"


@pytest.fixture(autouse=True)
def _goes_out(settings: Settings) -> None:
    settings.BASE_URL = BASE
    settings.MAIL_GOES_OUT = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


class _Words(HTMLParser):
    """Text, links and whatever an HTML document would load."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.links, self.loads, self.muted = "", [], [], False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.muted = tag in ("style", "title")
        if tag == "a":
            self.links.append(told["href"])
        self.loads += [told[name] for name in ("src", "background", "srcset", "data") if told.get(name)]

    def handle_endtag(self, tag: str) -> None:
        self.muted = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self.muted else data


def read(html: str) -> _Words:
    words = _Words()
    words.feed(html)
    return words


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def sent() -> tuple[str, str, Any]:
    """(text, HTML, message) of the one mail that is queued, as it leaves."""
    queued = OutgoingMail.objects.order_by("-pk")[0]
    mail_carry(mail_id=queued.pk, now=timezone.now())
    message: Any = mail.outbox[-1]
    ((html, kind),) = message.alternatives
    assert kind == "text/html"
    return str(message.body), str(html), message


def invite(organization: Organization, owner: User, email: str = "kai@harbor.example") -> str:
    now, acting = timezone.now(), Membership.objects.get(user=owner, organization=organization)
    reach, by = Reach(role=Role.VIEWER), Actor(owner)
    token = invitation_create(
        organization=organization, email=email, reach=reach, days=7, acting=acting, by=by, now=now
    )
    link = f"{BASE}{reverse('organizations:invitation', args=[token])}"
    invitation_mail(token=token, link=link, now=now)
    return link


def test_an_invitation_has_two_parts_that_say_the_same(organization: Organization, owner: User) -> None:
    link = invite(organization, owner)
    text, html, _message = sent()
    words = read(html)
    assert set(words.links) == {link, BASE}
    assert words.links.count(link) == 2, "the button, and the address spelled out"
    assert words.loads == [], "nothing is fetched when a mail is opened"
    assert "<script" not in html
    for part in text.split("\n\n-- ")[0].split("\n"):
        assert flat(part).rstrip(":") in flat(words.text)
    assert re.findall(r"https?://[^\s<\"]+", text.split("\n\n-- ")[0]) == [link], "no other secret, no other way"


def test_a_code_stands_alone_in_both_parts(client: Client, owner: User) -> None:
    client.post(reverse("account_request_login_code"), {"email": owner.email})
    text, html, _message = sent()
    (code,) = re.findall(r"^([A-Z0-9]{3,4}-[A-Z0-9]{3,4})$", text, re.MULTILINE)
    assert f'<p class="code">{code}</p>' in html


def test_what_others_typed_begins_no_line_header_or_link(organization: Organization, owner: User) -> None:
    Organization.objects.filter(pk=organization.pk).update(
        name="Harbor\r\nBcc: eve@evil.example\r\n\r\nSign in:\r\n\r\nhttps://evil.example/<b>x</b>"
    )
    User.objects.filter(pk=owner.pk).update(name=f"Mei\n\nSign in:\n\n{BASE}/evil/")
    organization.refresh_from_db()
    owner.refresh_from_db()
    link = invite(organization, owner)
    text, html, message = sent()
    assert message.to == ["kai@harbor.example"]
    assert "\n" not in message.subject
    assert "\nBcc" not in text
    assert "Bcc" not in message.message()
    words = read(html)
    assert set(words.links) == {link, BASE}
    assert "<b>x</b>" not in html


def test_only_our_own_addresses_become_links() -> None:
    html = dressed(
        subject="S", text=f"Sign in:\n\nhttps://evil.example/\n\nGo:\n\n{BASE}/a/\n\n{BASE}.evil.example/", language=""
    )
    assert set(read(html).links) == {f"{BASE}/a/", BASE}


def test_a_mail_speaks_the_language_of_its_reader(organization: Organization, owner: User) -> None:
    kai = User.objects.create_user("kai@harbor.example")
    User.objects.filter(pk=kai.pk).update(language="zh-hant")
    kai.refresh_from_db()
    with language_of(kai):
        assert translation.get_language() == "zh-hant"
    assert translation.get_language() == "en"
    with language_of(owner):
        assert translation.get_language() == "en", "who chose none is spoken to as the page is"
    Membership.objects.create(organization=organization, user=kai, role=Role.ADMIN)
    subject = translation.gettext_lazy("Keys that expire")
    count = managers_mail(
        organization=organization, subject=subject, template="keys_expire", now=timezone.now(), keys=[]
    )
    assert count == 2
    told = {one.to: (one.subject, open_text(one.encrypted_text)) for one in OutgoingMail.objects.all()}
    assert told[owner.email][0] == "Keys that expire"
    assert told[kai.email][0] != "Keys that expire"
    assert "end soon" not in told[kai.email][1]
    _text, html, _message = sent()
    assert '<html lang="zh-hant">' in html


def test_a_notice_says_what_was_done_and_from_where(client: Client, owner: User) -> None:
    client.force_login(owner)
    password = "a harbor full of lanterns"
    agent = {"user-agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/130.0"}
    client.post(reverse("account_set_password"), {"password1": password, "password2": password}, headers=agent)
    text, html, _message = sent()
    assert "A password was set" in html
    assert "Firefox, Windows" in text
    assert "127.0.0.1" in text
    assert f"{BASE}{reverse('mfa_index')}" in read(html).links
    assert password not in text + html


# Mails of doors that are shut here: phones, sign-up, links in place of codes, strangers' addresses.
SHUT = {"unknown_account", "password_reset_key", "email_confirmation_signup"}


def test_every_mail_and_message_of_the_library_is_in_our_words(settings: Settings) -> None:
    theirs = Path(allauth.__file__).parent / "templates"
    ours = Path(settings.BASE_DIR) / "templates"
    apps = ("account", "mfa", "socialaccount")
    names = {
        path.relative_to(theirs)
        for app in apps
        for path in [*theirs.glob(f"{app}/email/*.txt"), *theirs.glob(f"{app}/messages/*.txt")]
        if path.stem.removesuffix("_message").removesuffix("_subject") not in SHUT and "phone" not in path.stem
    }
    assert names
    assert sorted(str(name) for name in names if not (ours / name).exists() and "_updated" not in name.stem) == []


def test_mail_queued_by_others_is_dressed_too(db: None) -> None:
    mail_queue(to="a@b.example", subject="S\nX: y", text="One.\nTwo.\n\n- a\n  b\n- c", now=timezone.now())
    _text, html, message = sent()
    assert message.subject == "S X: y"
    assert "One.<br>Two." in html
    assert [flat(item) for item in re.findall(r"<li>(.*?)</li>", html)] == ["a b", "c"]
