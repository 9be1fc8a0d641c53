"""What the check of a key found, in words: a verdict, what happened, and the one next step."""

from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.core.languages.phrases import told
from dashboard.credentials.models import CredentialState, ProviderCredential
from dashboard.credentials.oauth.selectors import sign_in_ways

# verdict: the next step here in Purser, or nothing to do
_STEPS: dict[str, Promise | str] = {
    "valid": "",
    "unreachable": gettext_lazy(
        "A firewall or proxy may be in the way: let calls to that address through, then check again."
    ),
    "not_understood": gettext_lazy("Nothing to do for now: Purser asks again by itself."),
    "blocked": gettext_lazy("Enter another address, then check again."),
    "signed_out": gettext_lazy("Enter a new key"),
    "app_refused": gettext_lazy("Correct the client id and secret of the app, then sign in again."),
}
# verdict: the next step at the provider
_STEPS_THERE: dict[str, Promise] = {
    "refused": gettext_lazy("Open %(name)s and make the right key"),
    "wrong_kind": gettext_lazy("Open %(name)s and make the right key"),
    "wrong_organization": gettext_lazy("Open %(name)s and make the right key"),
    "missing_scope": gettext_lazy("Open %(name)s and allow what is missing"),
    "missing_field": gettext_lazy("Open %(name)s and look it up"),
    "billing": gettext_lazy("Open %(name)s and settle the bill"),
}
_SENTENCES: dict[str, Promise] = {
    "valid": gettext_lazy("%(name)s knows it. Its figures are being read now."),
    "unreachable": gettext_lazy("The key was not judged: %(message)s It is kept, and Purser goes on trying."),
    "not_understood": gettext_lazy("%(message)s The key is kept, and Purser goes on trying."),
}

# Verdicts on the key itself: other values mend them. The others are of the network, the bill or the app.
_OF_THE_KEY = frozenset(
    {"refused", "wrong_kind", "wrong_organization", "missing_scope", "missing_field", "blocked", "signed_out"}
)


def check_result(credential: ProviderCredential) -> dict[str, Any] | None:
    """As components/_check_result.html draws it; None while the check is under way or was never asked for. `here`: the
    next step is a page of Purser; `of_the_key`: other values are it."""
    if credential.state == CredentialState.CHECKING or not credential.check_verdict:
        return None
    verdict = credential.check_verdict
    shown = verdict if verdict in _STEPS or verdict in _STEPS_THERE else "refused"
    places = {"name": credential.provider.name, "message": told(credential.check_message)}
    sentence = str(_SENTENCES[shown]) % places if shown in _SENTENCES else places["message"]
    if shown in _STEPS_THERE:
        step, url = str(_STEPS_THERE[shown]) % places, _page_there(credential)
    elif shown == "signed_out":
        step, url = str(_STEPS[shown]), "#replace"
        if sign_in_ways(credential.provider, credential):
            step, url = _("Sign in again"), reverse("credentials:oauth_again", args=[credential.pk])
    elif shown == "unreachable" and credential.provider.may_sleep:
        step, url = _("Start the server or correct its address, then check again."), ""
    else:
        step, url = str(_STEPS[shown]), ""
    return {
        "verdict": shown,
        "sentence": sentence,
        "next_step": step,
        "url": url,
        "here": shown == "signed_out",
        "of_the_key": shown in _OF_THE_KEY,
        "lines": [],
    }


def _page_there(credential: ProviderCredential) -> str:
    """The page of the provider's console where the trouble is ended."""
    field = next((one for one in credential.provider.fields if one.name == credential.check_field), None)
    return credential.check_help_url or (field.url if field and field.url else "") or credential.provider.console_url
