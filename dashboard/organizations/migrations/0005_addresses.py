"""An address of each person for django-allauth, not proven yet."""

from django.db import migrations


def bring(apps, schema_editor):
    user, address = apps.get_model("organizations", "User"), apps.get_model("account", "EmailAddress")
    known = set(address.objects.values_list("user_id", flat=True))
    missing = [one for one in user.objects.all() if one.pk not in known]
    address.objects.bulk_create(address(user=one, email=one.email, primary=True) for one in missing)


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0004_outgoing_mail"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]
    operations = [migrations.RunPython(bring, migrations.RunPython.noop)]
