"""Reads of how a person comes in."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db.models import Max

from dashboard.organizations.models import User


def ways_in(user: User) -> dict[str, Any]:
    """{verified, password, passkeys: [{id, name, created_at, last_used_at}], app, codes_left (None: none were made),
    single_sign_on (its name, or ""), connections (how many)}."""
    found = list(Authenticator.objects.filter(user=user).order_by("created_at"))
    codes = next((one.wrap() for one in found if one.type == Authenticator.Type.RECOVERY_CODES), None)
    keys = [one for one in found if one.type == Authenticator.Type.WEBAUTHN]
    return {
        "verified": EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=True).exists(),
        "password": user.has_usable_password(),
        "passkeys": [
            {"id": one.pk, "name": str(one), "created_at": one.created_at, "last_used_at": one.last_used_at}
            for one in keys
        ],
        "app": any(one.type == Authenticator.Type.TOTP for one in found),
        "codes_left": len(codes.get_unused_codes()) if codes else None,
        "single_sign_on": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
        "connections": SocialAccount.objects.filter(user=user).count() if settings.OIDC_ISSUER else 0,
    }


def second_factors_of(user: User) -> dict[str, bool]:
    """{app, passkey, recovery_codes}: what somebody can be asked for after the password."""
    kinds = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    return {
        "app": Authenticator.Type.TOTP in kinds,
        "passkey": Authenticator.Type.WEBAUTHN in kinds,
        "recovery_codes": Authenticator.Type.RECOVERY_CODES in kinds,
    }


def has_second_factor(user: User) -> bool:
    return Authenticator.objects.filter(user=user).exists()


def presence_of(users: Iterable[User]) -> dict[int, dict[str, Any]]:
    """For each of them {seen (None: never), second_factor (whether one is asked for)}, in two statements for all."""
    people = list(users)
    factors = Authenticator.objects.filter(user__in=people).exclude(type=Authenticator.Type.RECOVERY_CODES)
    guarded = set(factors.values_list("user_id", flat=True))
    browsers = UserSession.objects.filter(user__in=people).values_list("user_id").annotate(Max("last_seen_at"))
    last: dict[int, datetime] = dict(browsers)
    return {
        user.pk: {
            "seen": max((at for at in (last.get(user.pk), user.last_login) if at), default=None),
            "second_factor": user.pk in guarded,
        }
        for user in people
    }


def sessions_of(user: User, *, current: str) -> list[dict[str, Any]]:
    """Browsers that are signed in as this person: this one first, then the latest seen."""
    rows = [
        {
            "id": one.pk,
            "ip": one.ip,
            "browser": browser_words(one.user_agent),
            "since": one.created_at,
            "seen": one.last_seen_at,
            "current": one.session_key == current,
        }
        for one in UserSession.objects.purge_and_list(user)
    ]
    rows.sort(key=lambda row: row["seen"], reverse=True)
    return sorted(rows, key=lambda row: not row["current"])


_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_words(user_agent: str) -> str:
    """ "Firefox, Windows" out of what a browser says of itself; the beginning of it when that is not understood."""
    named = [next((word for mark, word in table if mark in user_agent), "") for table in (_BROWSERS, _SYSTEMS)]
    return ", ".join(word for word in named if word) or user_agent[:60] or "?"
