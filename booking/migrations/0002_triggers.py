from booking import triggers
from django.db import migrations

TABLE = "booking_quotamove"


def install(apps, editor):
    vendor = editor.connection.vendor
    triggers.run(editor, triggers.append_only_sql(vendor, TABLE) + triggers.balance_sql(vendor))


def remove(apps, editor):
    vendor = editor.connection.vendor
    triggers.run(editor, triggers.drop_sql(vendor, TABLE) + triggers.drop_balance_sql(vendor))


class Migration(migrations.Migration):
    dependencies = [("booking", "0001_initial")]
    operations = [migrations.RunPython(install, remove)]
