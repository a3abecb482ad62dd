from booking import triggers
from django.db import migrations

TABLE = "booking_moneymove"


def install(apps, editor):
    vendor = editor.connection.vendor
    triggers.run(editor, triggers.append_only_sql(vendor, TABLE) + triggers.money_balance_sql(vendor))


def remove(apps, editor):
    vendor = editor.connection.vendor
    triggers.run(editor, triggers.drop_sql(vendor, TABLE) + triggers.drop_money_balance_sql(vendor))


class Migration(migrations.Migration):
    dependencies = [("booking", "0007_payments")]
    operations = [migrations.RunPython(install, remove)]
