"""Where django-allauth asks Purser: who may come in, how mail leaves, how its secrets are kept, and what it tells."""

from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from dashboard.core.encryption import open_text, seal_text
from dashboard.organizations.audit import address_of
from dashboard.organizations.mail import mail_queue
from dashboard.organizations.mail.letters import language_of
from dashboard.organizations.models import User
from dashboard.organizations.selectors import invitation_by_token
from dashboard.organizations.sign_in.selectors import browser_words

INVITATION = "invitation_token"  # in the session: the invitation that somebody is about to accept


# The ways to say once more who one is.
AGAIN_WORDS = {
    "reauthenticate": gettext_lazy("Use the password"),
    "mfa_reauthenticate": gettext_lazy("Use a code"),
    "mfa_reauthenticate:webauthn": gettext_lazy("Use a passkey"),
}


class AccountAdapter(DefaultAccountAdapter):
    error_messages: ClassVar = DefaultAccountAdapter.error_messages | {
        "duplicate_email": gettext_lazy("This is your address already."),
        "email_password_mismatch": gettext_lazy("Address and password do not match. Try again, or have a code mailed."),
        "email_taken": gettext_lazy("Somebody else has this address here."),
        "enter_current_password": gettext_lazy("This is not your password."),
        "incorrect_code": gettext_lazy("This code is not right, or too old."),
        "incorrect_password": gettext_lazy("This is not your password."),
        "rate_limited": gettext_lazy("Too many tries. Wait a few minutes, then try again."),
        "same_as_current": gettext_lazy("This is what it is already."),
        "too_many_login_attempts": gettext_lazy("Too many failed tries. Wait a few minutes, then try again."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up by themselves: people come by invitation."""
        return False

    def get_login_stages(self) -> list[str]:
        """An invitation brings a person in; their address may be confirmed later, on the profile. Until then they must
        not be locked out for want of a mail server."""
        return [stage for stage in super().get_login_stages() if not stage.endswith(".EmailVerificationStage")]

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request) or "0.0.0.0"  # noqa: S104 -- behind a socket there is no address

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Put a mail on its way, in the language of whoever gets it; the worker carries it, so that sending takes as
        long for known addresses as for unknown ones."""
        person = context.get("user") or getattr(self.request, "user", None)
        if not isinstance(person, User):
            person = User.objects.filter(email=email.lower()).first()
        with language_of(person):
            told = {**context, "browser": browser_words(str(context.get("user_agent", "")))}
            message = self.render_mail(template_prefix, email, told)
        mail_queue(to=email, subject=message.subject, text=str(message.body), person=person, now=timezone.now())

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """The ways to say once more who one is, in our words."""
        found = super().get_reauthentication_methods(user)
        return [way | {"description": AGAIN_WORDS.get(way["id"], way["description"])} for way in found]


class SecondFactorAdapter(DefaultMFAAdapter):
    """Seeds of authenticator apps and recovery codes are sealed like provider keys."""

    error_messages: ClassVar = DefaultMFAAdapter.error_messages | {
        "add_email_blocked": gettext_lazy("Turn the second factor off first; then the address can be changed."),
        "cannot_generate_recovery_codes": gettext_lazy("Set up an authenticator app or a passkey first."),
        "incorrect_code": gettext_lazy("This code is not right, or too old."),
    }

    def generate_authenticator_name(self, user: Any, kind: Any) -> str:
        """What a new passkey is called unless its owner says something else: the browser that makes it."""
        agent = self.request.headers.get("user-agent", "") if self.request else ""
        return browser_words(agent) if agent else gettext("Passkey")

    def encrypt(self, text: str) -> str:
        return seal_text(text)

    def decrypt(self, encrypted_text: str) -> str:
        return open_text(encrypted_text)


class SingleSignOnAdapter(DefaultSocialAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """A newcomer comes in with an invitation in hand that names their address, or none."""
        found = invitation_by_token(request.session.get(INVITATION, ""))
        email = str(sociallogin.user.email or "").lower()
        if found is None or found.is_over(timezone.now()) or not email:
            return False
        return found.email in ("", email) and not User.objects.filter(email=email).exists()

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> Any:
        user = super().populate_user(request, sociallogin, data)
        parts = [data.get("first_name") or "", data.get("last_name") or ""]
        user.name = str(data.get("name") or " ".join(parts).strip())[:120]
        return user
