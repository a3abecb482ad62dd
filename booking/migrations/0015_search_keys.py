from django.db import migrations, models

from booking import search


def fill(apps, schema_editor):
    """Who is there already is found too."""
    for name in ('Department', 'Expert'):
        model = apps.get_model('booking', name)
        rows = list(model.objects.only('pk', 'name', 'name_en', 'name_zh_hant'))
        for row in rows:
            row.search_keys = search.keys([row.name, row.name_en, row.name_zh_hant])
        model.objects.bulk_update(rows, ['search_keys'], batch_size=500)


class Migration(migrations.Migration):

    dependencies = [
        ('booking', '0014_accounts'),
    ]

    operations = [
        migrations.AddField(
            model_name='department',
            name='search_keys',
            field=models.TextField(default='', editable=False),
        ),
        migrations.AddField(
            model_name='expert',
            name='search_keys',
            field=models.TextField(default='', editable=False),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
