from django.db import migrations, models


class Migration(migrations.Migration):
    """What is rolled up already stays unestimated until its days land again, or `manage.py rebuild_rollups` is run."""

    dependencies = [("usage", "0009_teams_from_days")]

    operations = [
        *(
            migrations.AddField(
                model_name=table,
                name="estimated",
                field=models.DecimalField(decimal_places=12, max_digits=38, null=True),
            )
            for table in ("usagedetail", "usagedaily", "spenddaily")
        ),
        migrations.RemoveConstraint(model_name="usagedaily", name="usage_daily_once"),
        migrations.AddConstraint(
            model_name="usagedaily",
            constraint=models.UniqueConstraint(
                fields=("account", "day", "span", "model", "unit", "basis"), name="usage_daily_of_a_basis"
            ),
        ),
        migrations.RemoveIndex(model_name="spenddaily", name="spend_daily_by_day"),
        migrations.AddIndex(
            model_name="spenddaily",
            index=models.Index(
                fields=["organization", "day", "provider_slug", "unit", "span"],
                include=("spend", "estimated", "provisional", "unpriced_models"),
                name="spend_daily_of_all",
            ),
        ),
    ]
