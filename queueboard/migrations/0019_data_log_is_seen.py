from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.models import CharField, F, Value
from django.db.models.functions import Concat


def allow(apps, editor):
    config = apps.get_app_config("booking")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    managers, _ = Group.objects.get_or_create(name="manager")
    managers.permissions.add(Permission.objects.get(content_type__app_label="booking", codename="view_datalog"))


def forget_names(apps, editor):
    """The admin's history called these rows by their patient's name."""
    entries = apps.get_model("admin", "LogEntry").objects.filter(
        content_type__app_label="booking", content_type__model__in=("patient", "appointment", "suspension")
    )
    entries.update(object_repr=Concat(Value("#"), F("object_id"), output_field=CharField()))


class Migration(migrations.Migration):
    dependencies = [
        ("queueboard", "0018_draws_are_seen"),
        ("booking", "0024_personal_data"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]
    operations = [
        migrations.RunPython(allow, migrations.RunPython.noop),
        migrations.RunPython(forget_names, migrations.RunPython.noop),
    ]
