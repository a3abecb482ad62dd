from booking import triggers
from django.db import migrations


def install(apps, editor):
    triggers.run(editor, triggers.keeps_patient_sql(editor.connection.vendor))


def remove(apps, editor):
    triggers.run(editor, triggers.drop_keeps_patient_sql(editor.connection.vendor))


class Migration(migrations.Migration):
    dependencies = [('booking', '0021_sessions_by_start')]
    operations = [migrations.RunPython(install, remove)]
