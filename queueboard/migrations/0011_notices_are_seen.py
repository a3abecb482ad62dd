from django.contrib.auth.management import create_permissions
from django.db import migrations


def allow(apps, editor):
    config = apps.get_app_config("queueboard")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    managers, _ = Group.objects.get_or_create(name="manager")
    managers.permissions.add(Permission.objects.get(content_type__app_label="queueboard", codename="view_delivery"))


class Migration(migrations.Migration):
    dependencies = [("queueboard", "0010_notices")]
    operations = [migrations.RunPython(allow, migrations.RunPython.noop)]
