"""Signing in by a link that works once."""

import threading
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.organizations.models import Membership, Organization, Role, SignInLink, User
from dashboard.organizations.services import (
    FIRST_OWNER_EMAIL,
    LINK_LIFETIME,
    owner_ensure,
    sign_in_link_create,
    sign_in_link_use,
)


def link_to(token: str) -> str:
    return reverse("sign_in_by_link", args=[token])


def signed_in(client: Client) -> bool:
    return client.get(reverse("overview:overview")).status_code == 200


def test_a_link_signs_in_once(client: Client, owner: User) -> None:
    token = sign_in_link_create(user=owner, now=timezone.now())
    response = client.post(link_to(token))
    assert response.url == reverse("overview:overview")  # type: ignore[attr-defined]
    assert signed_in(client)
    second = Client()
    refused = second.post(link_to(token), follow=True)
    assert not signed_in(second)
    assert "used before" in refused.content.decode()


def test_looking_at_a_link_does_not_use_it_up(client: Client, owner: User) -> None:
    """Chats open links to show a preview."""
    token = sign_in_link_create(user=owner, now=timezone.now())
    assert "data-submit-now" in client.get(link_to(token)).content.decode()
    assert not signed_in(client)
    client.post(link_to(token))
    assert signed_in(client)


def test_a_link_expires_after_a_day(owner: User, now: datetime) -> None:
    token = sign_in_link_create(user=owner, now=now)
    assert sign_in_link_use(token=token, now=now + LINK_LIFETIME) is None
    assert sign_in_link_use(token=token, now=now + LINK_LIFETIME - timedelta(seconds=1)) == owner


def test_only_a_hash_is_kept(owner: User, now: datetime) -> None:
    token = sign_in_link_create(user=owner, now=now)
    row = SignInLink.objects.values().get()
    assert token not in str(row)
    assert len(row["token_hash"]) == 64
    assert sign_in_link_use(token=row["token_hash"], now=now) is None, "the stored value opens nothing"


def test_a_new_link_ends_the_old_ones(owner: User, now: datetime) -> None:
    old = sign_in_link_create(user=owner, now=now)
    new = sign_in_link_create(user=owner, now=now)
    assert old != new
    assert sign_in_link_use(token=old, now=now) is None
    assert sign_in_link_use(token=new, now=now) == owner


def test_a_link_of_somebody_else_stays(owner: User, organization: Organization, now: datetime) -> None:
    other = User.objects.create_user("kai@harbor.example")
    token = sign_in_link_create(user=other, now=now)
    sign_in_link_create(user=owner, now=now)
    assert sign_in_link_use(token=token, now=now) == other


def test_a_person_who_was_barred_does_not_come_in(owner: User, now: datetime) -> None:
    token = sign_in_link_create(user=owner, now=now)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert sign_in_link_use(token=token, now=now) is None


@pytest.mark.parametrize("token", ["x", "%00", "a" * 4000, "../../etc", "中文"])
def test_made_up_tokens_are_refused_politely(client: Client, db: None, token: str) -> None:
    for response in (client.get(f"/sign-in/link/{token}/"), client.post(f"/sign-in/link/{token}/")):
        assert response.status_code in (200, 302, 404)
    assert not signed_in(client)


@pytest.mark.django_db(transaction=True)
def test_of_two_clicks_at_once_one_wins(now: datetime) -> None:
    person = User.objects.create_user("mei@harbor.example")
    token = sign_in_link_create(user=person, now=now)
    start, found = threading.Barrier(4), []

    def click() -> None:
        start.wait(20)
        try:
            found.append(sign_in_link_use(token=token, now=now))
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(found, key=str) == [None, None, None, person]


def test_signing_out_takes_a_post_and_ends_the_session(client: Client, owner: User) -> None:
    client.force_login(owner)
    assert "Sign out?" in client.get(reverse("account_logout")).content.decode(), "a link from elsewhere only asks"
    assert signed_in(client)
    response = client.post(reverse("account_logout"))
    assert response.url == reverse("account_login")  # type: ignore[attr-defined]
    assert not signed_in(client)


def test_signing_out_cannot_be_forged(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert client.post(reverse("account_logout")).status_code == 403
    assert signed_in(client)


def test_the_sign_in_page_sends_a_signed_in_person_on(client: Client, owner: User) -> None:
    page = client.get(reverse("account_login"))
    assert page.status_code == 200
    assert "manage.py" in page.content.decode() or "make run" in page.content.decode()
    client.force_login(owner)
    assert client.get(reverse("account_login")).url == reverse("overview:overview")  # type: ignore[attr-defined]


# --- The command ------------------------------------------------------------------------------------------------


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("sign_in_link", *arguments, stdout=out)
    return out.getvalue().strip()


def test_the_command_prints_a_link_that_works(client: Client, owner: User) -> None:
    link = command()
    assert link.startswith(settings.BASE_URL)
    client.post(link.removeprefix(settings.BASE_URL))
    assert client.session["_auth_user_id"] == str(owner.pk)


def test_the_first_owner_is_made_on_an_empty_installation(client: Client, db: None) -> None:
    client.post(command().removeprefix(settings.BASE_URL))
    assert signed_in(client)
    person = User.objects.get()
    assert person.email == FIRST_OWNER_EMAIL
    assert not person.has_usable_password(), "there is no default password"
    assert Membership.objects.get().role == Role.OWNER
    assert owner_ensure() == person
    assert Organization.objects.count() == 1


def test_the_command_signs_in_whom_it_is_told_to(client: Client, organization: Organization, owner: User) -> None:
    viewer = User.objects.create_user("Kai@Harbor.example")
    Membership.objects.create(organization=organization, user=viewer, role=Role.VIEWER)
    client.post(command("--email", "KAI@harbor.example").removeprefix(settings.BASE_URL))
    assert client.session["_auth_user_id"] == str(viewer.pk)
    with pytest.raises(CommandError, match="Nobody here"):
        command("--email", "nobody@harbor.example")


def test_nothing_is_printed_once_somebody_has_signed_in(client: Client, owner: User) -> None:
    first = command("--if-nobody-signed-in")
    assert first, "nobody has come in yet"
    second = command("--if-nobody-signed-in")
    assert second != first, "a start that was not followed up prints a fresh link"
    client.post(second.removeprefix(settings.BASE_URL))
    assert command("--if-nobody-signed-in") == ""
    assert command(), "asked for plainly, there is always one"
