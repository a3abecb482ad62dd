from django.contrib.auth.management import create_permissions
from django.db import migrations


def allow(apps, editor):
    config = apps.get_app_config("booking")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    managers, _ = Group.objects.get_or_create(name="manager")
    for model in ("ballot", "ballotentry", "waitlistentry"):
        managers.permissions.add(Permission.objects.get(content_type__app_label="booking", codename=f"view_{model}"))


class Migration(migrations.Migration):
    dependencies = [("queueboard", "0017_forgotten_correspondents"), ("booking", "0019_ballots_and_waitlist")]
    operations = [migrations.RunPython(allow, migrations.RunPython.noop)]
