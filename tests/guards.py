"""Proof that the tests of SECURITY.md prove something: each guard is taken out of a copy of the sources, and its test
must fail there. `make guards` runs it; it takes a few minutes. Words after `-m tests.guards` choose by name.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROTATION, DOORS = "tests/sync/test_rotation.py", "tests/security/test_doors.py"
WAYS, PEOPLE = "tests/organizations/test_ways_in.py", "tests/organizations/test_people.py"
PAGES, AUDIT = "tests/overview/test_pages.py", "tests/organizations/test_audit.py"
INTAKE, TOKENS = "tests/usage/test_intake_api.py", "tests/keys/test_service_tokens.py"
INTENTS, PROVIDER_KEYS = "tests/keys/test_intents.py", "tests/keys/test_provider_keys.py"
CHANGES = "tests/providers/test_key_changes.py"
DESCRIBED = "tests/credentials/test_described.py"
SIGN_INS, SIGN_IN_PAGES = "tests/credentials/test_oauth.py", "tests/credentials/test_oauth_pages.py"
TRANSPORT, ADDRESSES = "tests/providers/test_transport.py", "tests/providers/test_addresses.py"


@dataclass(frozen=True)
class Guard:
    """In `file`, `before` becomes `after`; then the test `proof` must fail."""

    name: str
    file: str
    before: str
    after: str
    proof: str


GUARDS = [
    Guard(
        "the ECB's file of rates has no document type",
        "providers/ecb.py",
        "parser.StartDoctypeDeclHandler = _refuse_document_type",
        "parser.StartDoctypeDeclHandler = None",
        "tests/providers/test_ecb.py::test_nothing_is_expanded",
    ),
    Guard(
        "rates of another organization do not count",
        "dashboard/balances/rates/selectors.py",
        "AND currency = %(currency)s AND organization_id = %(organization)s",
        "AND currency = %(currency)s",
        "tests/balances/test_rates.py::test_the_rates_of_another_organization_never_count",
    ),
    Guard(
        "spend of teams out of reach does not count",
        "dashboard/usage/explorer/selectors.py",
        'rows.where(_of_teams("scope"), scope=list(scope.team_ids))',
        "pass",
        "tests/usage/test_explorer.py::test_who_sees_one_team_sees_that_teams_money",
    ),
    Guard(
        "only a view that asks for a file gets one",
        "dashboard/core/uploads.py",
        'getattr(match.func, "takes_file", 0) if match else 0',
        'getattr(match.func, "takes_file", 10**9) if match else 0',
        f"{DOORS}::test_files_come_through_one_door_up_to_its_size",
    ),
    Guard(
        "a larger file does not arrive",
        "dashboard/core/uploads.py",
        "if start + len(raw_data) > self._most:",
        "if False:",
        f"{DOORS}::test_files_come_through_one_door_up_to_its_size",
    ),
    Guard(
        "a changed host drops the stored secret",
        "dashboard/credentials/services.py",
        "kept = {} if host_changes(credential, values) else _readable_values(credential)",
        "kept = _readable_values(credential)",
        f"{ROTATION}::test_a_changed_host_asks_for_the_key_again",
    ),
    Guard(
        "the form asks for the secret again",
        "dashboard/credentials/forms.py",
        "if self.credential and stored and not filled and not self.errors and host_changes(self.credential, data):",
        "if False:",
        f"{ROTATION}::test_a_changed_host_asks_for_the_key_again",
    ),
    Guard(
        "a description that names another place drops the stored key",
        "dashboard/credentials/described/services.py",
        "for credential in credentials_bound_elsewhere(described, described.provider):",
        "for credential in credentials_bound_elsewhere(described, described.provider)[:0]:",
        f"{DESCRIBED}::test_a_changed_base_url_drops_the_key_and_asks_for_it_again",
    ),
    Guard(
        "a key is unlocked only for the place that it was entered for",
        "dashboard/credentials/models.py",
        "if self.secret_hints and self.bound_to != bound_to(self.provider):",
        "if False:",
        f"{DESCRIBED}::test_a_worker_that_is_overtaken_by_an_edit_sends_nothing",
    ),
    Guard(
        "a description belongs to one organization",
        "dashboard/credentials/catalog.py",
        "rows = DescribedProvider.objects.filter(organization_id=organization_id)",
        "rows = DescribedProvider.objects.filter()",
        f"{DESCRIBED}::test_a_slug_means_something_in_its_organization_alone",
    ),
    Guard(
        "a trial shows no secret that is echoed",
        "dashboard/credentials/described/trial.py",
        "for secret in hidden:",
        "for secret in ():",
        f"{DESCRIBED}::test_a_trial_shows_matched_values_beside_the_raw_answer_and_keeps_nothing",
    ),
    Guard(
        "no redirect to another host",
        "providers/transport.py",
        'if outgoing.method != "GET" or target is None:',
        'target = target or reply.headers.get("location", "")\n            if outgoing.method != "GET":',
        f"{TRANSPORT}::test_a_redirect_elsewhere_is_not_followed",
    ),
    Guard(
        "the judged address is the one that is called",
        "providers/transport.py",
        "stream = self._plain.connect_tcp(address, port,",
        "stream = self._plain.connect_tcp(host, port,",
        f"{ADDRESSES}::test_a_name_that_changes_its_mind_is_called_where_it_was_judged",
    ),
    Guard(
        "an IPv4 address inside an IPv6 one is judged",
        "providers/addresses.py",
        "    if address.sixtofour:\n        return address.sixtofour\n",
        "",
        f"{ADDRESSES}::test_no_wrapping_opens_metadata_to_anybody",
    ),
    Guard(
        "every spelling of a host is judged by where it leads",
        "providers/transport.py",
        "            if reason is not None:\n                raise AddressRefused(reason)\n",
        "",
        f"{ADDRESSES}::test_a_host_is_judged_by_where_it_leads_however_it_is_spelled",
    ),
    Guard(
        "metadata addresses are closed even to self-hosted providers",
        "providers/addresses.py",
        "    if address.is_link_local or any(address in network for network in _METADATA):\n"
        '        return "it is a link-local or cloud metadata address"\n',
        "",
        f"{ADDRESSES}::test_a_self_hosted_provider_may_live_in_a_private_network_but_not_on_a_metadata_address",
    ),
    Guard(
        "only owners make owners",
        "dashboard/organizations/forms.py",
        "for role in Role if role != Role.OWNER or acting.role == Role.OWNER]",
        "for role in Role]",
        f"{PEOPLE}::test_an_admin_makes_no_owner_by_any_form",
    ),
    Guard(
        "only owners touch owners",
        "dashboard/organizations/services.py",
        "    if Role.OWNER in roles and mine != Role.OWNER:",
        "    if False:",
        f"{PEOPLE}::test_an_admin_does_not_touch_an_owner",
    ),
    Guard(
        "an id is looked up within the organization",
        "dashboard/sync/views.py",
        "return get_object_or_404(everything, pk=credential_id, organization=request.organization)",
        "return get_object_or_404(everything, pk=credential_id)",
        f"{PAGES}::test_everybody_gets_what_is_theirs",
    ),
    Guard(
        "a view asks what the person may do",
        "dashboard/organizations/access.py",
        "            if not allows(needed, request.membership):\n                raise PermissionDenied\n",
        "",
        f"{PAGES}::test_everybody_gets_what_is_theirs",
    ),
    Guard(
        "a secret is told to the audit log as replaced",
        "dashboard/credentials/services.py",
        "told = {**dict.fromkeys(secrets, REPLACED), **open_values}",
        "told = {**secrets, **open_values}",
        f"{PAGES}::test_no_secret_leaves_by_any_door",
    ),
    Guard(
        "a stored secret shows its end alone",
        "dashboard/core/encryption.py",
        'return secret[-4:] if len(secret) >= 12 else ""',
        "return secret",
        f"{PAGES}::test_no_secret_leaves_by_any_door",
    ),
    Guard(
        "a form never gives a secret back",
        "dashboard/credentials/forms.py",
        "render_value=False",
        "render_value=True",
        f"{PAGES}::test_no_secret_leaves_by_any_door",
    ),
    Guard(
        "an error report shows no values",
        "dashboard/settings.py",
        'DEFAULT_EXCEPTION_REPORTER_FILTER = "dashboard.core.error_reports.NoValuesReporterFilter"',
        "",
        f"{DOORS}::test_the_debug_page_shows_no_values",
    ),
    Guard(
        "the whole of a name is counted",
        "dashboard/core/limits.py",
        "digest = hashlib.sha256(who.encode()).hexdigest()",
        "digest = who[:40]",
        f"{DOORS}::test_two_who_begin_alike_are_counted_apart",
    ),
    Guard(
        "the hash of a link opens nothing",
        "dashboard/organizations/models.py",
        "    return hashlib.sha256(token.encode()).hexdigest()",
        "    return token if len(token) == 64 else hashlib.sha256(token.encode()).hexdigest()",
        "tests/organizations/test_sign_in.py::test_only_a_hash_is_kept",
    ),
    Guard(
        "wildcards are letters",
        "dashboard/organizations/audit/log.py",
        "events = events.filter(Q(subject_words__icontains=text) | Q(actor_words__icontains=text))",
        'events = events.extra(where=["subject_words LIKE %s"], params=[f"%{text}%"])',
        f"{DOORS}::test_like_wildcards_find_nothing_but_themselves",
    ),
    Guard(
        "large forms are refused",
        "dashboard/settings.py",
        "DATA_UPLOAD_MAX_MEMORY_SIZE = 500_000",
        "DATA_UPLOAD_MAX_MEMORY_SIZE = None",
        f"{DOORS}::test_bodies_that_are_too_large_are_refused",
    ),
    Guard(
        "large answers are cut off",
        "providers/transport.py",
        "            if size > self.max_body_bytes:",
        "            if False:",
        f"{TRANSPORT}::test_the_cap_is_exact",
    ),
    Guard(
        "bottomless JSON of a provider is an error of theirs",
        "providers/spec.py",
        "        except RecursionError as error:\n"
        '            raise PayloadError("The answer is nested too deeply to be read.", '
        "status=self.status) from error\n",
        "",
        "tests/providers/test_parse.py::test_numbers_and_nestings_that_cannot_be_are_payload_errors",
    ),
    Guard(
        "bottomless JSON of a browser is refused",
        "dashboard/organizations/sign_in/forms.py",
        "except RecursionError as error:",
        "except ZeroDivisionError as error:",
        f"{DOORS}::test_nested_and_broken_json_is_refused_in_words",
    ),
    Guard(
        "no cell is a formula",
        "dashboard/core/csv_cells.py",
        'return f"\'{text}"',
        "return text",
        f"{AUDIT}::test_the_csv_holds_no_formula",
    ),
    Guard(
        "checks are limited",
        "dashboard/core/limits.py",
        "return _counted(key, within) <= amount",
        "return True",
        f"{DOORS}::test_checks_are_limited",
    ),
    Guard(
        "a post needs its token",
        "dashboard/settings.py",
        '    "django.middleware.csrf.CsrfViewMiddleware",\n',
        "",
        f"{DOORS}::test_no_post_passes_without_its_token",
    ),
    Guard(
        "a link does not go around the second factor",
        "dashboard/organizations/sign_in/views.py",
        "return perform_login(request, user)  # asks for the second factor of whoever has one",
        'from django.contrib.auth import login; login(request, user); return redirect("overview:overview")',
        f"{WAYS}::test_neither_a_link_nor_a_mailed_code_goes_around_the_second_factor",
    ),
    Guard(
        "seeds lie sealed",
        "dashboard/organizations/sign_in/adapters.py",
        "return seal_text(text)",
        "return text",
        f"{WAYS}::test_seeds_lie_sealed_in_the_database",
    ),
    Guard(
        "mail to people of two organizations is nobody else's",
        "dashboard/organizations/mail/__init__.py",
        'own = Q(person__in=here) & ~Q(person__in=elsewhere.values("user")) | Q(person=reader)',
        "own = Q(person__in=here) | Q(person=reader)",
        f"{WAYS}::test_mail_to_people_of_two_organizations_is_nobody_elses",
    ),
    Guard(
        "X-Forwarded-For counts as far as our proxies wrote it",
        "dashboard/organizations/audit/__init__.py",
        "if settings.TRUSTED_PROXIES and len(hops) >= settings.TRUSTED_PROXIES:",
        "if len(hops) >= settings.TRUSTED_PROXIES:",
        f"{WAYS}::test_only_our_own_proxies_say_where_a_request_comes_from",
    ),
    Guard(
        "a service token is its whole secret",
        "dashboard/keys/selectors.py",
        "return token if hmac.compare_digest(kept, keyed_digest(TOKEN_PURPOSE, secret)) else None",
        "return token",
        f"{TOKENS}::test_only_the_whole_secret_is_the_token",
    ),
    Guard(
        "a revoked service token is refused",
        "dashboard/keys/api.py",
        'if found is None or state == "revoked":',
        "if found is None:",
        f"{INTAKE}::test_rotated_revoked_and_expired_tokens_are_refused",
    ),
    Guard(
        "a service token reaches its own organization alone",
        "dashboard/usage/intake/services.py",
        "reached = ProviderAccount.objects.filter(organization_id=token.organization_id)",
        "reached = ProviderAccount.objects.all()",
        f"{INTAKE}::test_a_token_reaches_its_own_organization_alone",
    ),
    Guard(
        "a service token of one account reaches that one alone",
        "dashboard/usage/intake/services.py",
        "    if token.account_id is not None:\n        reached = reached.filter(pk=token.account_id)\n",
        "",
        f"{INTAKE}::test_a_bound_token_reaches_its_account_alone",
    ),
    Guard(
        "large batches of usage are refused",
        "dashboard/usage/intake/api.py",
        '    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:\n        raise too_large\n',
        "    return request.read()\n",
        f"{INTAKE}::test_large_bodies_are_refused_before_they_are_read",
    ),
    Guard(
        "the audit log takes no change",
        "dashboard/organizations/migrations/0003_audit_append_only.py",
        "BEFORE UPDATE OR DELETE",
        "BEFORE TRUNCATE",
        f"{AUDIT}::test_the_database_refuses_changes_and_deletions",
    ),
    Guard(
        "one worker at a time renews a sign-in",
        "dashboard/credentials/oauth/grants.py",
        'OAuthGrant.objects.select_for_update(of=("self",))',
        "OAuthGrant.objects",
        f"{SIGN_INS}::test_two_workers_renew_once_and_both_get_the_new_token",
    ),
    Guard(
        "a refresh token goes to the site that gave it",
        "dashboard/credentials/oauth/grants.py",
        "if not site == grant.site == grant.client.site:",
        "if False:",
        f"{SIGN_INS}::test_a_refresh_token_goes_nowhere_but_where_it_came_from",
    ),
    Guard(
        "the answer of a sign-in is known by its state",
        "dashboard/credentials/oauth/services.py",
        "if not hmac.compare_digest(token_digest(state), held.state_hash):",
        "if False:",
        f"{SIGN_IN_PAGES}::test_a_forged_answer_is_refused_and_the_sign_in_waits_on",
    ),
    Guard(
        "the answer of a sign-in counts in its own browser",
        "dashboard/credentials/oauth/views.py",
        "login_id = request.session.get(_key(slug))",
        'login_id = OAuthLogin.objects.latest("pk").pk',
        f"{SIGN_IN_PAGES}::test_an_answer_in_another_browser_of_the_same_person_is_refused",
    ),
    Guard(
        "a sign-in is its person's alone",
        "dashboard/credentials/oauth/selectors.py",
        "OAuthLogin.objects.filter(pk=login_id, organization_id=organization_id, person_id=person_id)",
        "OAuthLogin.objects.filter(pk=login_id)",
        f"{SIGN_IN_PAGES}::test_an_answer_for_another_person_or_organization_is_refused",
    ),
    Guard(
        "an intent is claimed by one",
        "dashboard/keys/intents/services.py",
        "mine = KeyIntent.objects.filter(pk=intent.pk, state=IntentState.WRITTEN)",
        "mine = KeyIntent.objects.filter(pk=intent.pk)",
        f"{INTENTS}::test_of_two_workers_on_one_intent_one_calls",
    ),
    Guard(
        "a call that changes a key is sent once",
        "dashboard/keys/intents/services.py",
        "tries=1, total_seconds=CALL_SECONDS",
        "tries=3, total_seconds=CALL_SECONDS",
        f"{INTENTS}::test_no_fault_makes_an_orphan_or_two",
    ),
    Guard(
        "what was sent and not answered is not taken for undone",
        "providers/key_changes.py",
        "raise (Unsure(error) if sent else Unchanged(error)) from error",
        "raise Unchanged(error) from error",
        f"{INTENTS}::test_no_fault_makes_an_orphan_or_two",
    ),
    Guard(
        "a list that is not whole decides nothing",
        "providers/key_changes.py",
        "if found.partial:",
        "if False:",
        f"{CHANGES}::test_a_list_that_is_not_whole_is_none",
    ),
    Guard(
        "the secret of a key is kept only when asked",
        "dashboard/keys/intents/services.py",
        "if stored.keep:",
        "if True:",
        f"{INTENTS}::test_a_key_is_made_and_its_secret_told_once",
    ),
    Guard(
        "what destroys asks for the typed name",
        "dashboard/core/confirming.py",
        'if request.POST.get("word", "").strip() == name.strip():',
        "if True:",
        f"{PROVIDER_KEYS}::test_deleting_wants_the_name_typed",
    ),
    Guard(
        "the key that Purser reads with is not touched",
        "dashboard/keys/intents/services.py",
        "if operation != Operation.ENABLE and used_by_purser(key):",
        "if False:",
        f"{INTENTS}::test_the_key_that_purser_reads_with_is_not_touched",
    ),
    Guard(
        "keys of other teams are out of scope",
        "dashboard/keys/selectors.py",
        "if scope.team_ids is not None:",
        "if False:",
        f"{PROVIDER_KEYS}::test_who_sees_a_team_sees_its_keys_only",
    ),
    Guard(
        "a team's token reaches its accounts alone",
        "dashboard/usage/intake/services.py",
        "if token.team_id is not None:",
        "if False:",
        f"{INTAKE}::test_a_team_s_token_reaches_the_team_s_accounts_alone",
    ),
    Guard(
        "clients of other products are refused",
        "dashboard/credentials/oauth/forms.py",
        "if any(client_id in app.foreign for app in provider.oauth_apps):",
        "if False:",
        f"{SIGN_IN_PAGES}::test_what_cannot_begin_says_why",
    ),
]


def main(words: list[str]) -> int:
    chosen = [guard for guard in GUARDS if all(word in guard.name for word in words)]
    with tempfile.TemporaryDirectory(prefix="purser-guards-") as name:
        copy = Path(name) / "purser"
        _copy_sources(copy)
        standing = [guard for guard in chosen if not _falls(guard, copy)]
    for guard in standing:
        print(f"NOT PROVEN: {guard.name}: {guard.proof} passes without it")
    print(f"{len(chosen) - len(standing)} of {len(chosen)} guards are proven by a test that fails without them")
    return 1 if standing else 0


def _copy_sources(copy: Path) -> None:
    git = shutil.which("git") or "git"
    listed = subprocess.run([git, "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for line in listed.splitlines():
        if (ROOT / line).exists():
            (copy / line).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / line, copy / line)
    (copy / "static").symlink_to(ROOT / "static")


def _falls(guard: Guard, copy: Path) -> bool:
    file = copy / guard.file
    whole = file.read_text(encoding="utf-8")
    if whole.count(guard.before) != 1:
        raise SystemExit(f"{guard.name}: {guard.file} does not hold exactly once: {guard.before}")
    file.write_text(whole.replace(guard.before, guard.after), encoding="utf-8")
    try:
        argv = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", guard.proof]
        done = subprocess.run(argv, cwd=copy, env=os.environ.copy(), capture_output=True, text=True, check=False)
    finally:
        file.write_text(whole, encoding="utf-8")
    failed = done.returncode == 1  # 1: tests failed; anything else means that they did not run
    if done.returncode not in (0, 1):
        raise SystemExit(f"{guard.name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    print(f"{'proven' if failed else 'NOT PROVEN':<12}{guard.name}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
