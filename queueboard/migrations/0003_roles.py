from django.contrib.auth.management import create_permissions
from django.db import migrations

# role -> permissions, as "app.codename"; a clerk, an expert and a manager also need is_staff to enter the admin.
_VIEW = ["booking.view_session", "booking.view_slot", "queueboard.view_ticket", "queueboard.view_queueevent"]
_PEOPLE = ["booking.view_patient", "booking.add_patient", "booking.change_patient", "booking.view_appointment"]
_SCHEDULE = [
    f"booking.{verb}_{model}"
    for model in ("department", "room", "expert", "template", "templateroom", "holiday", "leave", "sessionroom")
    for verb in ("add", "change", "delete", "view")
]
ROLES = {
    "clerk": [*_VIEW, *_PEOPLE, "queueboard.work_desk", "queueboard.call_patients"],
    "expert": [*_VIEW, "queueboard.call_patients"],
    "manager": [
        *_VIEW, *_PEOPLE, *_SCHEDULE,
        "queueboard.work_desk", "queueboard.call_patients", "queueboard.manage_queues",
        "booking.change_session", "booking.change_slot", "booking.view_quotamove", "booking.view_quotaplan",
        "booking.view_pastsession", "booking.view_outbox",
        "queueboard.add_board", "queueboard.change_board", "queueboard.delete_board", "queueboard.view_board",
    ],
    "board": ["queueboard.view_board"],
}  # fmt: skip


def make_roles(apps, editor):
    for label in ("booking", "queueboard"):
        config = apps.get_app_config(label)
        config.models_module = True
        create_permissions(config, apps=apps, verbosity=0)
        config.models_module = None
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for role, wanted in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role)
        for name in wanted:
            label, codename = name.split(".")
            group.permissions.add(Permission.objects.get(content_type__app_label=label, codename=codename))


class Migration(migrations.Migration):
    dependencies = [
        ("queueboard", "0002_triggers"),
        ("booking", "0002_triggers"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
