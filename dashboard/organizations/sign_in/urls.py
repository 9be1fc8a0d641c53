"""Every door of django-allauth that is open here, with who may use it. Names are the ones that allauth asks for."""

from collections.abc import Callable
from typing import Any

from allauth.account import views as account
from allauth.mfa.base import views as second_factor
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as app
from allauth.mfa.webauthn import views as passkeys
from allauth.socialaccount import views as single_sign_on
from allauth.socialaccount.providers.openid_connect import views as oidc
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache

from dashboard.organizations.access import access
from dashboard.organizations.scope import Access
from dashboard.organizations.sign_in import views

PUBLIC, PERSON = Access.PUBLIC, Access.PERSON


def door(route: str, view: Callable[..., Any], name: str, needed: Access) -> URLPattern:
    return path(route, access(needed)(view), name=name)


sign_in_urls = [
    door("sign-in/", account.login, "account_login", PUBLIC),
    door("sign-in/code/", account.request_login_code, "account_request_login_code", PUBLIC),
    door("sign-in/code/confirm/", account.confirm_login_code, "account_confirm_login_code", PUBLIC),
    door("sign-in/passkey/", passkeys.login_webauthn, "mfa_login_webauthn", PUBLIC),
    door("sign-in/second-factor/", second_factor.authenticate, "mfa_authenticate", PUBLIC),
    path("sign-in/link/<str:token>/", views.sign_in_by_link, name="sign_in_by_link"),
    door("sign-in/inactive/", account.account_inactive, "account_inactive", PUBLIC),
    door("sign-in/sign-up/", account.signup, "account_signup", PUBLIC),  # closed, and says so
    door("sign-in/with/cancelled/", single_sign_on.login_cancelled, "socialaccount_login_cancelled", PUBLIC),
    door("sign-in/with/failed/", single_sign_on.login_error, "socialaccount_login_error", PUBLIC),
    door("sign-in/with/sign-up/", single_sign_on.signup, "socialaccount_signup", PUBLIC),
    door("sign-in/with/<str:provider_id>/", oidc.login, "openid_connect_login", PUBLIC),
    door("sign-in/with/<str:provider_id>/back/", oidc.callback, "openid_connect_callback", PUBLIC),
    door("sign-out/", account.logout, "account_logout", PUBLIC),
    door("password/reset/", account.password_reset, "account_reset_password", PUBLIC),
    door("password/reset/code/", account.confirm_password_reset_code, "account_confirm_password_reset_code", PUBLIC),
    door("password/reset/new/", account.complete_password_reset, "account_complete_password_reset", PUBLIC),
    door("password/reset/done/", account.password_reset_from_key_done, "account_password_reset_completed", PUBLIC),
    # Who one is, and how one comes in. Changes ask for the password or second factor again.
    door("profile/again/", account.reauthenticate, "account_reauthenticate", PERSON),
    door("profile/again/code/", second_factor.reauthenticate, "mfa_reauthenticate", PERSON),
    door("profile/again/passkey/", passkeys.reauthenticate_webauthn, "mfa_reauthenticate_webauthn", PERSON),
    path("language/", views.language, name="language"),
    path("profile/", views.profile, name="mfa_index"),
    path("profile/sessions/<int:session_number>/end/", views.session_end, name="session_end"),
    path("profile/sessions/end/", views.sessions_end, name="sessions_end"),
    door("profile/email/", account.email, "account_email", PERSON),
    door("profile/email/code/", account.email_verification_sent, "account_email_verification_sent", PUBLIC),
    door("profile/password/", account.password_change, "account_change_password", PERSON),
    door("profile/password/first/", account.password_set, "account_set_password", PERSON),
    door("profile/app/", never_cache(app.activate_totp), "mfa_activate_totp", PERSON),
    door("profile/app/off/", views.AppOff.as_view(), "mfa_deactivate_totp", PERSON),
    door("profile/recovery-codes/", never_cache(recovery_codes.view_recovery_codes), "mfa_view_recovery_codes", PERSON),
    door("profile/recovery-codes/new/", recovery_codes.generate_recovery_codes, "mfa_generate_recovery_codes", PERSON),
    door(
        "profile/recovery-codes/file/",
        never_cache(recovery_codes.download_recovery_codes),
        "mfa_download_recovery_codes",
        PERSON,
    ),
    path("profile/passkeys/", views.passkeys, name="mfa_list_webauthn"),
    door("profile/passkeys/new/", passkeys.add_webauthn, "mfa_add_webauthn", PERSON),
    door("profile/passkeys/<int:pk>/remove/", views.PasskeyRemoval.as_view(), "mfa_remove_webauthn", PERSON),
    door("profile/passkeys/<int:pk>/", passkeys.edit_webauthn, "mfa_edit_webauthn", PERSON),
    door("profile/connections/", single_sign_on.connections, "socialaccount_connections", PERSON),
]
