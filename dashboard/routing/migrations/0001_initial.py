import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("organizations", "0006_user_language"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RoutePolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("revision", models.PositiveIntegerField(default=0)),
                (
                    "accounts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                ("decided", models.JSONField(default=dict)),
                ("decisions", models.BigIntegerField(default=0)),
                ("decided_at", models.DateTimeField(null=True)),
                ("look_again_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="route_policies",
                        to="organizations.organization",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="route_policies",
                        to="organizations.team",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RouteEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("revision", models.PositiveIntegerField()),
                ("match", models.TextField()),
                ("before", models.JSONField()),
                ("after", models.JSONField()),
                ("changes", models.JSONField()),
                ("at", models.DateTimeField()),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="events", to="routing.routepolicy"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RouteRevision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("document", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                ("note", models.CharField(blank=True, max_length=200)),
                ("restores", models.PositiveIntegerField(null=True)),
                ("created_at", models.DateTimeField()),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="revisions", to="routing.routepolicy"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TargetOut",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("match", models.TextField()),
                ("target", models.TextField()),
                ("cause", models.CharField(max_length=10)),
                ("since", models.DateTimeField()),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="targets_out",
                        to="routing.routepolicy",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="routepolicy",
            index=django.contrib.postgres.indexes.GinIndex(fields=["accounts"], name="route_policy_accounts"),
        ),
        migrations.AddIndex(
            model_name="routepolicy",
            index=models.Index(fields=["look_again_at"], name="route_policy_due"),
        ),
        migrations.AddConstraint(
            model_name="routepolicy",
            constraint=models.UniqueConstraint(
                fields=("organization", "team"), name="route_policy_once", nulls_distinct=False
            ),
        ),
        migrations.AddIndex(
            model_name="routeevent",
            index=models.Index(fields=["policy", "-at"], name="route_event_by_policy"),
        ),
        migrations.AddConstraint(
            model_name="routerevision",
            constraint=models.UniqueConstraint(fields=("policy", "number"), name="route_revision_once"),
        ),
        migrations.AddConstraint(
            model_name="targetout",
            constraint=models.UniqueConstraint(fields=("policy", "match", "target"), name="target_out_once"),
        ),
    ]
