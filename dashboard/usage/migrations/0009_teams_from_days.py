from django.db import migrations

FIGURES = (
    "day, span, last, model, unit, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens,"
    " reasoning_tokens, requests, billed, reported, derived, spend, basis, provisional"
)
# What was rolled up before knows no keys, projects and users; it learns them when it lands again.
FILL = f"""
INSERT INTO usage_usagedetail (organization_id, account_id, provider_key, project, "user", {FIGURES})
SELECT organization_id, account_id, '', '', '', {FIGURES} FROM usage_usagedaily;
INSERT INTO usage_teamdaily (organization_id, account_id, provider_slug, day, span, last, model, unit, basis, spend,
    tokens, requests, provisional)
SELECT daily.organization_id, account_id, provider_slug, day, span, last, model, unit, basis, spend,
    CASE WHEN num_nonnulls(input_tokens, cached_input_tokens, cache_write_tokens, output_tokens) > 0 THEN
        coalesce(input_tokens, 0) + coalesce(cached_input_tokens, 0) + coalesce(cache_write_tokens, 0)
        + coalesce(output_tokens, 0) END,
    requests, provisional
FROM usage_usagedaily AS daily JOIN credentials_provideraccount AS account ON account.id = account_id;
INSERT INTO usage_teammonthly (organization_id, account_id, provider_slug, day, span, model, unit, basis, spend, tokens,
    requests, provisional)
SELECT organization_id, account_id, provider_slug, date_trunc('month', day)::date, span, model, unit, basis, sum(spend),
    sum(tokens), sum(requests), bool_or(provisional)
FROM usage_teamdaily GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
"""


class Migration(migrations.Migration):
    dependencies = [("usage", "0008_teams")]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
