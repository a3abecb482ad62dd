from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("queueboard", "0004_lookup"),
    ]

    operations = [
        migrations.AlterField(
            model_name="board",
            name="slug",
            field=models.SlugField(unique=True, verbose_name="name in addresses"),
        ),
    ]
