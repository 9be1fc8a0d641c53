import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("credentials", "0005_described_providers"),
    ]

    operations = [
        migrations.CreateModel(
            name="ServerReading",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.TextField(blank=True)),
                ("gauges", models.JSONField(default=list)),
                ("at", models.DateTimeField()),
                ("fresh_for_seconds", models.IntegerField()),
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="server_reading",
                        to="credentials.provideraccount",
                    ),
                ),
            ],
        ),
    ]
