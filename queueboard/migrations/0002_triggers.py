from booking import triggers
from django.db import migrations

TABLE = "queueboard_queueevent"


def install(apps, editor):
    triggers.run(editor, triggers.append_only_sql(editor.connection.vendor, TABLE))


def remove(apps, editor):
    triggers.run(editor, triggers.drop_sql(editor.connection.vendor, TABLE))


class Migration(migrations.Migration):
    dependencies = [("queueboard", "0001_initial")]
    operations = [migrations.RunPython(install, remove)]
