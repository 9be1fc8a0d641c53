"""Where django-allauth asks Purser: who may come in, how mail leaves, how its secrets are kept, and what it tells."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest
from django.utils import timezone

from dashboard.core.encryption import open_text, seal_text
from dashboard.organizations.audit import address_of
from dashboard.organizations.mail import mail_queue
from dashboard.organizations.models import User
from dashboard.organizations.selectors import invitation_by_token

INVITATION = "invitation_token"  # in the session: the invitation that somebody is about to accept


class AccountAdapter(DefaultAccountAdapter):
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
        """Put a mail on its way; the worker carries it, so that sending takes as long for known addresses as for
        unknown ones."""
        message = self.render_mail(template_prefix, email, context)
        person = context.get("user") or getattr(self.request, "user", None)
        if not isinstance(person, User):
            person = User.objects.filter(email=email.lower()).first()
        mail_queue(to=email, subject=message.subject, text=str(message.body), person=person, now=timezone.now())


class SecondFactorAdapter(DefaultMFAAdapter):
    """Seeds of authenticator apps and recovery codes are sealed like provider keys."""

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
