import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0002_service_tokens"),
        ("organizations", "0006_user_language"),
    ]

    operations = [
        migrations.AddField(
            model_name="servicetoken",
            name="team",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organizations.team",
            ),
        ),
        migrations.AlterField(
            model_name="servicetoken",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[("usage:write", "Send usage"), ("routes", "Read routes")], max_length=40
                ),
                size=None,
            ),
        ),
    ]
