"""The overview of an organization with 1,000 credentials and 90 days of history."""

import statistics
import time
from collections.abc import Iterator

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.core.memory import settle_memory_of_pages
from dashboard.organizations.models import Membership, Organization, Role, User
from tests.benchmarks.figures import Figure

CREDENTIALS, DAYS, VIEWS = 1000, 90, 60

_SEED = """
INSERT INTO credentials_provideraccount (organization_id, provider_slug, label, external_id, external_name, created_at)
SELECT %(org)s, (ARRAY['deepseek','openrouter','openai','anthropic','deepinfra','moonshot','xai','metachat'])[1 + i %% 8],
    'Account ' || i, '', '', now() FROM generate_series(1, %(count)s) AS i;
INSERT INTO credentials_providercredential (organization_id, account_id, label, encrypted_secrets, key_id, secret_hints,
    fingerprints, settings, relay_url, state, check_asked_at, check_verdict, check_message, check_help_url, check_field,
    key_kind, warnings, created_at)
SELECT %(org)s, id, '', '', '', '{}', '{}', '{}', '', 'active', now(), 'valid', '', '', '', '', '[]',
    now() - interval '90 days' FROM credentials_provideraccount WHERE organization_id = %(org)s;
INSERT INTO sync_syncstream (organization_id, credential_id, capability, state, enabled, interval_seconds, next_run_at,
    lease_token, failures, last_success_at, last_run_at, message)
SELECT %(org)s, id, capability, CASE WHEN id %% 50 = 0 THEN 'failing' ELSE 'fresh' END, true, 300,
    now() + interval '5 minutes', 0, 0, now(), now(), ''
FROM credentials_providercredential, unnest(ARRAY['balance','quota','usage']) AS capability
WHERE organization_id = %(org)s;
INSERT INTO sync_syncrun (organization_id, stream_id, provider_slug, outcome, message, started_at, finished_at,
    backfill, calls, records, changed)
SELECT %(org)s, stream.id, (ARRAY['deepseek','openrouter','openai','xai'])[1 + stream.id %% 4], CASE WHEN (stream.id + h) %% 40 = 0 THEN 'retryable' ELSE 'ok' END, '', now() - h * interval
    '20 minutes', now() - h * interval '20 minutes', false, 1, 1, 1
FROM sync_syncstream AS stream, generate_series(0, 71) AS h WHERE stream.organization_id = %(org)s;
INSERT INTO balances_balanceseries (organization_id, account_id, name, kind, unit, basis, amount, at, stored_at,
    fresh_for_seconds, spark, burn_per_day, runway_low_days, runway_likely_days, runway_high_days, runway_reason)
SELECT %(org)s, id, 'Wallet', 'prepaid', 'USD', 'live', 100 + id %% 900, now(), now(), 1000,
    (SELECT jsonb_agg(jsonb_build_array((current_date - 30 + d)::text, (1000 - d * 20)::text)) FROM
    generate_series(1, 30) AS d), 20, 3 + id %% 40, 4 + id %% 40, 6 + id %% 40, ''
FROM credentials_provideraccount WHERE organization_id = %(org)s;
INSERT INTO balances_balancereading (series_id, at, amount)
SELECT id, now() - h * interval '3 hours', 100 + h FROM balances_balanceseries, generate_series(0, 719) AS h
WHERE organization_id = %(org)s;
INSERT INTO balances_quotaseries (organization_id, account_id, name, scope, "window", unit, used, "limit", percent_used,
    resets_at, at, stored_at, fresh_for_seconds, gone)
SELECT %(org)s, id, 'Plan', '', span, 'percent', NULL, NULL, (id * 7) %% 100, now() + interval '2 days', now(), now(), 1000,
    false FROM credentials_provideraccount, unnest(ARRAY['5h','7d']) AS span WHERE organization_id = %(org)s;
INSERT INTO usage_usagedaily (organization_id, account_id, day, span, model, unit, input_tokens, output_tokens, requests,
    billed, spend, basis, provisional)
SELECT %(org)s, id, current_date - d, 'day', 'model-' || m, 'USD', 1000000, 200000, 500, 3.21, 3.21, 'billed', d < 2
FROM credentials_provideraccount, generate_series(0, %(days)s - 1) AS d, generate_series(1, 3) AS m
WHERE organization_id = %(org)s;
INSERT INTO usage_spenddaily (organization_id, account_id, provider_slug, day, span, unit, spend, provisional,
    unpriced_models)
SELECT organization_id, account_id, provider_slug, day, span, unit, sum(spend), bool_or(provisional), 0
FROM usage_usagedaily JOIN credentials_provideraccount AS account USING (organization_id)
WHERE organization_id = %(org)s AND account.id = account_id GROUP BY 1, 2, 3, 4, 5, 6;
"""


def overview() -> Iterator[Figure]:
    """Server time of the overview through all middleware, templates included, without the network."""
    organization = Organization.objects.create(name="Large")
    user = User.objects.create_user("large@example.org")
    Membership.objects.create(organization=organization, user=user, role=Role.OWNER)
    with connection.cursor() as cursor:
        cursor.execute(_SEED, {"org": organization.pk, "count": CREDENTIALS, "days": DAYS})
        cursor.execute("VACUUM ANALYZE")  # what autovacuum does by itself within a minute
    settle_memory_of_pages()  # as dashboard.wsgi does
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    for _ in range(5):
        assert client.get("/").status_code == 200
    times = []
    for _ in range(VIEWS):
        began = time.perf_counter()
        client.get("/")
        times.append((time.perf_counter() - began) * 1000)
    with CaptureQueriesContext(connection) as queries:
        client.get("/")
    yield Figure("overview: 1,000 credentials, 90 days, p95", statistics.quantiles(times, n=20)[-1], "ms", 60)
    yield Figure("overview: the same, median", statistics.median(times), "ms")
    yield Figure("overview: SQL statements", len(queries), "", 12)
