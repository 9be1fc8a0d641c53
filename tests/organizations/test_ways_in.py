"""Password, mailed code, second factor, single sign-on, sessions: each way in, and what stands in the way of others."""

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.conf import settings as django_settings
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from dashboard.core.encryption import open_text
from dashboard.organizations.audit import address_of
from dashboard.organizations.mail import (
    CLAIM,
    MOST_TRIES,
    mail_carry,
    mail_queue,
    mails_of,
    mails_prune,
    mails_waiting,
)
from dashboard.organizations.models import AuditEvent, Invitation, Membership, Organization, OutgoingMail, Role, User
from dashboard.organizations.services import sign_in_link_create
from dashboard.organizations.sign_in.selectors import browser_words

PASSWORD = "correct horse battery staple"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def mei(owner: User) -> User:
    owner.set_password(PASSWORD)
    owner.save()
    return owner


def is_in(client: Client) -> bool:
    return client.get(reverse("overview:overview")).status_code == 200


def by_password(client: Client, email: str = "mei@harbor.example", password: str = PASSWORD) -> Any:
    return client.post(reverse("account_login"), {"login": email, "password": password})


def last_mail(to: str | None = None) -> str:
    rows = OutgoingMail.objects.order_by("-pk")
    mail = (rows.filter(to=to) if to else rows).first()
    assert mail is not None, "nothing was mailed"
    return open_text(mail.encrypted_text)


def code_in(text: str) -> str:
    (code,) = re.findall(r"^([A-Z0-9]{3,4}-?[A-Z0-9]{3,4})$", text, re.MULTILINE)
    return code


def told(response: HttpResponse) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


# --- Password ---------------------------------------------------------------------------------------------------


def test_a_password_opens_and_a_wrong_one_does_not(client: Client, mei: User) -> None:
    refused = by_password(client, password="wrong")
    assert refused.status_code == 200
    assert "do not match" in told(refused)
    assert not is_in(client)
    assert by_password(client).url == reverse("overview:overview")
    assert is_in(client)
    assert actions() == ["person.sign_in_failed", "person.signed_in"]
    assert PASSWORD not in str(list(AuditEvent.objects.values()))


def test_after_a_wrong_password_the_cursor_is_where_it_is_typed_again(client: Client, mei: User) -> None:
    def focused(page: Any) -> list[str]:
        return re.findall(r'name="(\w+)"[^>]*\bautofocus', told(page))

    assert focused(client.get(reverse("account_login"))) == ["login"]
    assert focused(by_password(client, password="wrong")) == ["password"]
    assert focused(by_password(client, email="")) == ["login"]


def test_after_five_wrong_tries_even_the_right_password_waits(client: Client, mei: User) -> None:
    for _ in range(5):
        by_password(client, password="wrong")
    late = by_password(Client())
    assert "Too many failed" in told(late)
    assert not is_in(client)


def test_one_address_may_not_try_many_people(client: Client, mei: User) -> None:
    answers = [by_password(client, email=f"p{number}@harbor.example", password="x") for number in range(31)]
    assert answers[-1].status_code == 429
    assert "Wait a few minutes" in told(answers[-1])


def test_known_and_unknown_addresses_get_the_same_answer(mei: User) -> None:
    csrf = re.compile(r'(csrfmiddlewaretoken" value|nonce)="[^"]*"')
    for name in ("account_request_login_code", "account_reset_password"):
        pages = []
        for email in ("mei@harbor.example", "nobody@harbor.example"):
            answer = Client().post(reverse(name), {"email": email}, follow=True)
            pages.append(csrf.sub("", told(answer)).replace(email, "X"))
        assert pages[0] == pages[1], name
    assert set(OutgoingMail.objects.values_list("to", flat=True)) == {"mei@harbor.example"}


def test_nobody_signs_up_alone(client: Client, mei: User) -> None:
    body = {"email": "eve@evil.example", "password1": PASSWORD}
    assert "invitation" in told(client.post(reverse("account_signup"), body))
    assert User.objects.count() == 1


def test_the_next_page_is_one_of_ours(client: Client, mei: User) -> None:
    for there in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = client.post(reverse("account_login"), {"login": mei.email, "password": PASSWORD, "next": there})
        assert answer["Location"] == reverse("overview:overview"), there
        client.logout()
    here = reverse("credentials:account_list")
    answer = client.post(reverse("account_login"), {"login": mei.email, "password": PASSWORD, "next": here})
    assert answer["Location"] == here


@pytest.mark.parametrize("weak", ["short1!", "password1234", "mei@harbor.example"])
def test_weak_passwords_are_refused(client: Client, owner: User, weak: str) -> None:
    client.force_login(owner)
    answer = client.post(reverse("account_set_password"), {"password1": weak, "password2": weak})
    assert answer.status_code == 200
    owner.refresh_from_db()
    assert not owner.has_usable_password()


def test_a_first_password_is_set_and_a_changed_one_ends_other_sessions(client: Client, owner: User) -> None:
    client.force_login(owner)
    client.post(reverse("account_set_password"), {"password1": PASSWORD, "password2": PASSWORD})
    elsewhere = Client()
    by_password(elsewhere)
    assert is_in(elsewhere)
    new = "another long passphrase"
    body = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert client.post(reverse("account_change_password"), body).status_code == 302
    assert is_in(client)
    assert not is_in(elsewhere)
    assert "password" in last_mail(owner.email).lower(), "the person is told"
    assert actions().count("person.password_changed") == 2


def test_a_forgotten_password_is_reset_by_a_mailed_code(client: Client, mei: User) -> None:
    old = Client()
    by_password(old)
    client.post(reverse("account_reset_password"), {"email": mei.email})
    code = code_in(last_mail())
    client.post(reverse("account_confirm_password_reset_code"), {"code": "000-000"})
    client.post(reverse("account_confirm_password_reset_code"), {"code": code})
    new = "a fresh passphrase for it"
    client.post(reverse("account_complete_password_reset"), {"password1": new, "password2": new})
    assert not is_in(old)
    assert by_password(Client(), password=new).status_code == 302
    assert "person.password_reset" in actions()


# --- A mailed code ----------------------------------------------------------------------------------------------


def test_a_mailed_code_signs_in_and_confirms_the_address(client: Client, owner: User) -> None:
    client.post(reverse("account_request_login_code"), {"email": owner.email})
    code = code_in(last_mail())
    client.post(reverse("account_confirm_login_code"), {"code": code})
    assert is_in(client)
    assert EmailAddress.objects.get(user=owner).verified
    other = Client()
    other.post(reverse("account_confirm_login_code"), {"code": code})
    assert not is_in(other), "a code works in the browser that asked for it"


@pytest.mark.parametrize("email", ["mei@harbor.example", "nobody@harbor.example"])
def test_another_code_is_mailed_twice_at_most(client: Client, owner: User, email: str) -> None:
    """To a stranger's address none goes, and the page says no word about it."""
    client.post(reverse("account_request_login_code"), {"email": email})
    page = reverse("account_confirm_login_code")
    for _ in range(2):
        assert "Ask for another code" in told(client.get(page))
        assert client.post(page, {"action": "resend"}, follow=True).status_code == 200
    assert "Ask for another code" not in told(client.get(page))
    mails = OutgoingMail.objects.filter(to=email).count()
    assert mails == (3 if email == owner.email else 0)
    if mails:
        client.post(page, {"code": code_in(last_mail())})
    assert is_in(client) is bool(mails), "the newest opens"


def test_only_a_stranger_is_told_if_purser_knows_the_address(client: Client, mei: User, settings: Settings) -> None:
    settings.MAIL_GOES_OUT = True
    by_password(client)
    again(client)
    body = {"action_add": "", "email": "mei@new.example"}
    asked = told(client.post(reverse("account_email"), body, follow=True))
    assert "We mailed a code to this address" in asked
    assert "If Purser knows" not in asked
    visitor = Client()
    body = {"email": "x@y.example"}
    assert "If Purser knows the address" in told(visitor.post(reverse("account_request_login_code"), body, follow=True))
    settings.MAIL_GOES_OUT = False
    without_mail = told(Client().post(reverse("account_request_login_code"), body, follow=True))
    assert "No mail server is set up" in without_mail
    assert "on its way" not in without_mail


def test_a_code_dies_after_three_wrong_tries(client: Client, owner: User) -> None:
    client.post(reverse("account_request_login_code"), {"email": owner.email})
    code = code_in(last_mail())
    for _ in range(3):
        client.post(reverse("account_confirm_login_code"), {"code": "WRO-NGX"})
    client.post(reverse("account_confirm_login_code"), {"code": code})
    assert not is_in(client)


def test_an_address_is_changed_once_the_new_one_is_proven(client: Client, mei: User) -> None:
    by_password(client)
    again(client)
    client.post(reverse("account_email"), {"action_add": "", "email": "mei@new.example"})
    mei.refresh_from_db()
    assert mei.email == "mei@harbor.example"
    client.post(reverse("account_email_verification_sent"), {"code": code_in(last_mail("mei@new.example"))})
    mei.refresh_from_db()
    assert mei.email == "mei@new.example"
    change = AuditEvent.objects.get(action="person.email_changed").changes
    assert change == {"email": ["mei@harbor.example", "mei@new.example"]}
    assert by_password(Client(), email="mei@new.example").status_code == 302


def again(client: Client) -> None:
    """Prove oneself once more, as sensitive pages ask."""
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})


def test_sensitive_pages_ask_again(client: Client, mei: User) -> None:
    by_password(client)
    for name in ("account_email", "mfa_activate_totp", "mfa_add_webauthn"):
        method = client.post if name == "account_email" else client.get
        answer = method(reverse(name), {"action_add": "", "email": "eve@evil.example"})
        assert answer.status_code == 302, name
        assert answer["Location"].startswith(reverse("account_reauthenticate")), name


# --- Second factor ----------------------------------------------------------------------------------------------


COUNTER = 59_000_000  # of the half minutes since 1970: the clock of app and server stands still


@pytest.fixture(autouse=True)
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allauth.mfa.totp.internal.auth.yield_hotp_counters_from_time", lambda: iter([COUNTER]))


def totp(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, COUNTER))


@pytest.fixture
def guarded(client: Client, mei: User, django_capture_on_commit_callbacks: Any) -> str:
    """Mei has set up an authenticator app: its secret."""
    by_password(client)
    again(client)
    page = client.get(reverse("mfa_activate_totp")).content.decode()
    (shown,) = re.findall(r'id="totp-secret">(.*?)</p>', page)
    secret = re.sub(r"<[^>]*>", "", shown)
    assert re.fullmatch(r"[A-Z2-7]{32}", secret), "what is copied has no blanks"
    assert f"?secret={secret}&" in unescape(page), "the app on this phone is given the same"
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("mfa_activate_totp"), {"code": totp(secret)})
    return secret


def test_an_authenticator_app_is_asked_after_the_password(guarded: str) -> None:
    visitor = Client()
    assert by_password(visitor)["Location"].startswith(reverse("mfa_authenticate"))
    assert not is_in(visitor)
    visitor.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert not is_in(visitor)
    visitor.post(reverse("mfa_authenticate"), {"code": totp(guarded)})
    assert is_in(visitor)
    assert "person.second_factor_added" in actions()
    assert "person.second_factor_failed" in actions()


def passkey(user: User, name: str = "Laptop") -> Authenticator:
    return Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data={"name": name})


def asked_for(user: User) -> str:
    """What the page after the password offers to sign in with."""
    visitor = Client()
    page = told(by_password_and_on(visitor, user))
    kinds = {"Six digits": "app", "a recovery code": "codes", "One of those": "codes alone", "Use a passkey": "passkey"}
    return ", ".join(kind for words, kind in kinds.items() if words in page)


def by_password_and_on(visitor: Client, user: User) -> Any:
    return visitor.post(reverse("account_login"), {"login": user.email, "password": PASSWORD}, follow=True)


@pytest.mark.usefixtures("no_credentials")
def test_only_what_a_person_has_is_asked_for(guarded: str, mei: User) -> None:
    assert asked_for(mei) == "app, codes"
    passkey(mei)
    assert asked_for(mei) == "app, codes, passkey"
    Authenticator.objects.filter(type=Authenticator.Type.RECOVERY_CODES).delete()
    assert asked_for(mei) == "app, passkey"
    Authenticator.objects.filter(type=Authenticator.Type.TOTP).delete()
    assert asked_for(mei) == "passkey"
    RecoveryCodes.activate(mei)
    assert asked_for(mei) == "codes alone, passkey"


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passkeys of these tests are names without a key behind them."""
    monkeypatch.setattr("allauth.mfa.webauthn.internal.auth.get_credentials", lambda user: [])


def test_what_goes_with_the_last_second_factor_is_told(client: Client, guarded: str, mei: User) -> None:
    app_off = told(client.get(reverse("mfa_deactivate_totp")))
    assert "only second factor" in app_off
    assert "The 10 recovery codes that are left stop working" in app_off
    key = passkey(mei)
    assert "Your passkey stays" in told(client.get(reverse("mfa_deactivate_totp")))
    removal = reverse("mfa_remove_webauthn", args=[key.pk])
    assert "only second factor" not in told(client.get(removal)), "the app stays"
    Authenticator.objects.filter(type=Authenticator.Type.TOTP).delete()
    assert "only second factor" in told(client.get(removal))
    passkey(mei, "Phone")
    assert "only second factor" not in told(client.get(removal)), "the other passkey stays"


def test_a_new_passkey_is_called_after_its_browser(client: Client, mei: User) -> None:
    by_password(client)
    again(client)
    page = client.get(reverse("mfa_add_webauthn"), headers={"host": "localhost", "user-agent": PHONE})
    assert 'value="Safari, iPhone"' in told(page)
    unnamed = client.get(reverse("mfa_add_webauthn"), headers={"host": "localhost", "user-agent": ""})
    assert 'value="Passkey"' in told(unnamed)


def test_who_could_be_locked_out_is_warned(client: Client, guarded: str) -> None:
    assert "would lock you out" not in told(client.get(reverse("mfa_index")))
    Authenticator.objects.filter(type=Authenticator.Type.RECOVERY_CODES).delete()
    warned = told(client.get(reverse("mfa_index")))
    assert re.search(r'class="st st-warn"[^>]*>.{,80}<span>None: a lost device would lock you out', warned)


def test_a_code_of_the_app_works_once(guarded: str) -> None:
    code = totp(guarded)
    for expected in (True, False):
        visitor = Client()
        by_password(visitor)
        visitor.post(reverse("mfa_authenticate"), {"code": code})
        assert is_in(visitor) is expected


def test_seeds_lie_sealed_in_the_database(guarded: str) -> None:
    rows = list(Authenticator.objects.all())
    assert {row.type for row in rows} == {"totp", "recovery_codes"}
    assert guarded not in str([row.data for row in rows])
    app = next(row for row in rows if row.type == "totp")
    assert open_text(app.data["secret"]) == guarded


def test_a_recovery_code_opens_once(client: Client, guarded: str) -> None:
    page = client.get(reverse("mfa_view_recovery_codes")).content.decode()
    codes = re.findall(r"\b[0-9a-f]{8}\b", page)
    assert len(codes) == 10
    for expected in (True, False):
        visitor = Client()
        by_password(visitor)
        visitor.post(reverse("mfa_authenticate"), {"code": codes[0]})
        assert is_in(visitor) is expected


def test_neither_a_link_nor_a_mailed_code_goes_around_the_second_factor(guarded: str, mei: User) -> None:
    visitor = Client()
    token = sign_in_link_create(user=mei, now=timezone.now())
    answer = visitor.post(reverse("sign_in_by_link", args=[token]))
    assert answer["Location"].startswith(reverse("mfa_authenticate"))
    assert not is_in(visitor)
    by_mail = Client()
    by_mail.post(reverse("account_request_login_code"), {"email": mei.email})
    by_mail.post(reverse("account_confirm_login_code"), {"code": code_in(last_mail())})
    assert not is_in(by_mail)


def test_whoever_runs_the_server_lets_in_who_has_lost_everything(guarded: str, mei: User) -> None:
    out = StringIO()
    call_command("sign_in_link", "--email", mei.email, "--forget-second-factors", stdout=out, stderr=StringIO())
    visitor = Client()
    visitor.post(out.getvalue().strip().removeprefix(django_settings.BASE_URL))
    assert is_in(visitor)
    assert not Authenticator.objects.exists()
    event = AuditEvent.objects.get(action="person.second_factors_forgotten")
    assert event.actor_words == "Purser"


# --- Sessions ---------------------------------------------------------------------------------------------------


def test_sessions_are_listed_and_ended_one_by_one(client: Client, mei: User) -> None:
    by_password(client)
    phone, tablet = Client(headers={"user-agent": PHONE}), Client()
    for one in (phone, tablet):
        by_password(one)
    page = told(client.get(reverse("mfa_index")))
    assert "Safari, iPhone" in page
    assert page.count("This browser") == 1
    session = UserSession.objects.get(user_agent=PHONE)
    client.post(reverse("session_end", args=[session.pk]))
    assert not is_in(phone)
    assert is_in(tablet)
    client.post(reverse("sessions_end"))
    assert not is_in(tablet)
    assert is_in(client)
    assert actions().count("person.session_ended") == 2


def test_the_sessions_of_others_are_out_of_reach(client: Client, mei: User, organization: Organization) -> None:
    by_password(client)
    eve = User.objects.create_user("eve@harbor.example")
    Membership.objects.create(organization=organization, user=eve, role=Role.OWNER)
    visitor = Client()
    visitor.force_login(eve)
    session = UserSession.objects.get(user=mei)
    assert visitor.post(reverse("session_end", args=[session.pk])).status_code == 404
    visitor.post(reverse("sessions_end"))
    assert is_in(client)


def test_presence_is_noted_now_and_then(client: Client, mei: User) -> None:
    by_password(client)
    UserSession.objects.update(last_seen_at=timezone.now() - timedelta(days=2))
    is_in(client)
    session = client.session
    session["seen"] = time.time() - 3600
    session.save()
    is_in(client)
    assert timezone.now() - UserSession.objects.get().last_seen_at < timedelta(minutes=1)


def test_a_browser_is_told_in_words() -> None:
    edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0 Safari/537.36 Edg/130.0"
    assert browser_words(edge) == "Edge, Windows"
    assert browser_words("curl/8.5.0") == "curl/8.5.0"
    assert browser_words("") == "?"


def test_a_name_is_changed_on_the_profile(client: Client, mei: User) -> None:
    client.force_login(mei)
    client.post(reverse("mfa_index"), {"name": "Mei Lin Chen"})
    mei.refresh_from_db()
    assert mei.name == "Mei Lin Chen"
    assert AuditEvent.objects.get(action="person.renamed").changes == {"name": ["Mei Lin", "Mei Lin Chen"]}
    assert "Mei Lin Chen" in told(client.get(reverse("mfa_index")))


def test_passkeys_need_a_name_in_the_address(client: Client, mei: User) -> None:
    client.force_login(mei)
    assert "names only" in told(client.get(reverse("mfa_index"), headers={"host": "127.0.0.1:8000"}))
    assert "names only" not in told(client.get(reverse("mfa_index"), headers={"host": "localhost:8000"}))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "1.2.3.4, 203.0.113.9", "203.0.113.9"),
        (2, "1.2.3.4, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "not an address", None),
    ],
)
def test_only_our_own_proxies_say_where_a_request_comes_from(
    settings: Settings, proxies: int, forwarded: str, address: str | None
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", headers={"x-forwarded-for": forwarded}, REMOTE_ADDR="10.0.0.1")
    assert address_of(request) == address


# --- Mail -------------------------------------------------------------------------------------------------------


def test_mail_without_a_server_goes_to_the_terminal_and_to_the_owners_page(client: Client, owner: User) -> None:
    Client().post(reverse("account_request_login_code"), {"email": owner.email})
    mail = OutgoingMail.objects.get()
    code = code_in(open_text(mail.encrypted_text))
    assert code not in str(list(OutgoingMail.objects.values()))
    shown = mail_carry(mail_id=mail.pk, now=timezone.now())
    assert code in shown
    assert all(line.startswith("terminal>") for line in shown.splitlines())
    assert mail_carry(mail_id=mail.pk, now=timezone.now()) == "", "once"
    client.force_login(owner)
    assert code in told(client.get(reverse("organizations:outbox")))


def test_mail_to_people_of_two_organizations_is_nobody_elses(client: Client, owner: User) -> None:
    other = Organization.objects.create(name="Island")
    eve = User.objects.create_user("eve@island.example")
    Membership.objects.create(organization=other, user=eve, role=Role.OWNER)
    Membership.objects.create(organization=other, user=owner, role=Role.VIEWER)
    Client().post(reverse("account_request_login_code"), {"email": owner.email})
    kai = User.objects.create_user("kai@harbor.example")
    Membership.objects.create(organization=Organization.objects.get(name="Harbor Labs"), user=kai, role=Role.OWNER)
    for organization, reader in ((Organization.objects.get(name="Harbor Labs"), kai), (other, eve)):
        assert not mails_of(organization_id=organization.pk, reader=reader).exists()
    client.force_login(eve)
    assert owner.email not in told(client.get(reverse("organizations:outbox")))


def test_the_demo_hides_nobodys_mail(owner: User, organization: Organization) -> None:
    """Whoever tries the demo belongs to two organizations, of which one opens nothing."""
    demo = Organization.objects.create(name="Demo", is_demo=True)
    Membership.objects.create(organization=demo, user=owner, role=Role.OWNER)
    kai = User.objects.create_user("kai@harbor.example")
    for place in (organization, demo):
        Membership.objects.create(organization=place, user=kai, role=Role.OWNER)
    Client().post(reverse("account_request_login_code"), {"email": kai.email})
    assert mails_of(organization_id=organization.pk, reader=owner).count() == 1
    assert mails_of(organization_id=demo.pk, reader=owner).count() == 0
    assert mails_of(organization_id=demo.pk, reader=kai).count() == 1, "one's own"


def test_an_invitation_is_mailed(client: Client, owner: User) -> None:
    client.force_login(owner)
    body = {"role": "viewer", "sees_all": "on", "email": "kai@harbor.example", "days": "7"}
    page = client.post(reverse("organizations:invite"), body).content.decode()
    text = last_mail("kai@harbor.example")
    (link,) = re.findall(r"https?://\S+/join/\S+", text)
    assert link in page
    assert "7 days" in text
    assert "Harbor Labs" in text
    assert OutgoingMail.objects.get().invitation == Invitation.objects.get()
    handed_over = client.post(reverse("organizations:invite"), {**body, "email": ""}).content.decode()
    assert OutgoingMail.objects.count() == 1, "without an address the link is handed over"
    assert "The invitation is ready" in handed_over
    assert "signs in as them" not in handed_over


def test_mail_that_fails_waits_and_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, db: None
) -> None:
    settings.MAIL_GOES_OUT = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    now = timezone.now()
    mail = mail_queue(to="a@b.example", subject="S", text="T", now=now)
    with monkeypatch.context() as broken:

        def refuse(self: Any, **kwargs: Any) -> int:
            raise ConnectionRefusedError(111, "Connection refused")

        broken.setattr("django.core.mail.EmailMessage.send", refuse)
        assert mail_carry(mail_id=mail.pk, now=now) == ""
    mail.refresh_from_db()
    assert "Connection refused" in mail.failure
    assert mails_waiting(now=now + timedelta(seconds=5)) == [], "somebody has just tried"
    later = now + CLAIM + timedelta(seconds=1)
    assert mails_waiting(now=later) == [mail.pk]
    mail_carry(mail_id=mail.pk, now=later)
    mail.refresh_from_db()
    assert mail.sent_at == later
    assert mail.failure == ""
    assert mails_waiting(now=later + timedelta(days=1)) == []


def test_mail_is_given_up_in_the_end_and_forgotten_after_a_day(db: None) -> None:
    now = timezone.now()
    mail = mail_queue(to="a@b.example", subject="S", text="T", now=now)
    OutgoingMail.objects.update(tries=MOST_TRIES)
    assert mails_waiting(now=now + timedelta(hours=3)) == []
    assert mail_carry(mail_id=mail.pk, now=now) == ""
    mails_prune(now=now + timedelta(hours=25))
    assert not OutgoingMail.objects.exists()


# --- Single sign-on ---------------------------------------------------------------------------------------------


class Issuer:
    """An OpenID Connect provider on this machine: discovery, token and userinfo as OpenID Connect Core 1.0 has them."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.asked: list[str] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def _json(self, document: dict[str, Any]) -> None:
                body = json.dumps(document).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                self._json(issuer.discovery if "well-known" in self.path else issuer.claims)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                issuer.asked.append(f"{self.path} {sorted(parse_qs(body))}")
                self._json({"access_token": "at", "token_type": "Bearer", "id_token": issuer.id_token()})

            def log_message(self, *arguments: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def id_token(self) -> str:
        def part(document: dict[str, Any]) -> str:
            return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

        now = int(time.time())
        claims = {"iss": self.url, "aud": "purser", "iat": now, "exp": now + 60, **self.claims}
        return f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part(claims)}.c2lnbmF0dXJl"


@pytest.fixture
def issuer(settings: Settings) -> Iterator[Issuer]:
    issuer = Issuer()
    settings.OIDC_ISSUER, settings.OIDC_NAME = issuer.url, "Harbor SSO"
    app = {
        "provider_id": "sso",
        "name": "Harbor SSO",
        "client_id": "purser",
        "secret": "s3cret",
        "settings": {"server_url": issuer.url},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {"OAUTH_PKCE_ENABLED": True, "EMAIL_AUTHENTICATION": True, "APPS": [app]}
    }
    yield issuer
    issuer.server.shutdown()
    issuer.server.server_close()


SignOn = Callable[..., Any]


@pytest.fixture
def sign_on(issuer: Issuer) -> SignOn:
    def go(client: Client, *, next_url: str = "", **claims: Any) -> Any:
        issuer.claims = {"sub": "42", "email": "mei@harbor.example", "email_verified": True, "name": "Mei", **claims}
        start = client.post(reverse("openid_connect_login", args=["sso"]) + (f"?next={next_url}" if next_url else ""))
        assert start["Location"].startswith(f"{issuer.url}/authorize?")
        query = parse_qs(urlsplit(start["Location"]).query)
        assert query["code_challenge_method"] == ["S256"]
        back = reverse("openid_connect_callback", args=["sso"])
        return client.get(back, {"code": "c", "state": query["state"][0]})

    return go


def test_single_sign_on_lets_in_who_is_known(client: Client, owner: User, sign_on: SignOn, issuer: Issuer) -> None:
    page = client.get(reverse("account_login"))
    assert "Continue with Harbor SSO" in told(page)
    assert f"form-action 'self' {issuer.url};" in page["Content-Security-Policy"]
    assert sign_on(client)["Location"] == reverse("overview:overview")
    assert is_in(client)
    assert any("code_verifier" in asked for asked in issuer.asked)
    assert User.objects.count() == 1
    again = Client()
    sign_on(again, email="mei@renamed.example")
    assert is_in(again), "the connection holds when the address changes there"


def test_an_address_that_is_not_vouched_for_opens_nothing(client: Client, owner: User, sign_on: SignOn) -> None:
    answer = sign_on(client, email_verified=False)
    assert not is_in(client)
    assert "invitation" in told(client.get(answer["Location"]) if answer.status_code == 302 else answer)
    assert User.objects.count() == 1


def test_a_stranger_is_sent_for_an_invitation(client: Client, owner: User, sign_on: SignOn) -> None:
    answer = sign_on(client, email="eve@evil.example", sub="666")
    assert not is_in(client)
    assert "invitation" in told(answer)
    assert User.objects.count() == 1


def test_a_newcomer_comes_with_an_invitation(client: Client, owner: User, sign_on: SignOn) -> None:
    host = Client()
    host.force_login(owner)
    body = {"role": "viewer", "sees_all": "on", "email": "kai@harbor.example", "days": "7"}
    page = host.post(reverse("organizations:invite"), body).content.decode()
    (path,) = set(re.findall(r"/join/[\w-]+/", page))
    assert "Accept with Harbor SSO" in told(client.get(path))
    sign_on(client, email="eve@evil.example", sub="666", next_url=path)
    assert User.objects.count() == 1, "the invitation is for somebody else"
    answer = sign_on(client, email="kai@harbor.example", sub="77", name="Kai", next_url=path)
    assert answer["Location"] == path
    kai = User.objects.get(email="kai@harbor.example")
    assert kai.name == "Kai"
    client.post(path)
    assert Membership.objects.get(user=kai).role == Role.VIEWER


def test_a_forged_answer_is_refused(client: Client, owner: User, issuer: Issuer) -> None:
    back = reverse("openid_connect_callback", args=["sso"])
    assert client.get(back, {"code": "c", "state": "made-up"}).status_code in (200, 401)
    assert not is_in(client)
    assert issuer.asked == []


def test_without_single_sign_on_there_is_no_such_door(client: Client, owner: User) -> None:
    assert "Continue with" not in told(client.get(reverse("account_login")))
    assert client.post(reverse("openid_connect_login", args=["sso"])).status_code == 404
    client.force_login(owner)
    assert "Not set up here" in told(client.get(reverse("socialaccount_connections")))


def test_who_is_not_connected_reads_how(client: Client, owner: User, issuer: Issuer) -> None:
    client.force_login(owner)
    assert "sign in once with Harbor SSO" in told(client.get(reverse("socialaccount_connections")))
