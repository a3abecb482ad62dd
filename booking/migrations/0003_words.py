import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("booking", "0002_triggers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="department",
            name="slug",
            field=models.SlugField(unique=True, verbose_name="name in addresses"),
        ),
        migrations.AlterField(
            model_name="outbox",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="tries"),
        ),
        migrations.AlterField(
            model_name="outbox",
            name="claimed_until",
            field=models.DateTimeField(null=True, verbose_name="being sent until"),
        ),
        migrations.AlterField(
            model_name="outbox",
            name="error",
            field=models.CharField(blank=True, max_length=300, verbose_name="error"),
        ),
        migrations.AlterField(
            model_name="outbox",
            name="key",
            field=models.CharField(help_text="Once per cause.", max_length=120, unique=True, verbose_name="cause"),
        ),
        migrations.AlterField(
            model_name="outbox",
            name="kind",
            field=models.CharField(max_length=40, verbose_name="kind"),
        ),
        migrations.AlterField(
            model_name="outbox",
            name="made_at",
            field=models.DateTimeField(verbose_name="written at"),
        ),
        migrations.AlterField(
            model_name="outbox",
            name="payload",
            field=models.JSONField(verbose_name="content"),
        ),
        migrations.AlterField(
            model_name="outbox",
            name="sent_at",
            field=models.DateTimeField(null=True, verbose_name="sent at"),
        ),
        migrations.AlterField(
            model_name="pastsession",
            name="session",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="past",
                to="booking.session",
                verbose_name="session",
            ),
        ),
        migrations.AlterField(
            model_name="quotamove",
            name="appointment",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="booking.appointment",
                verbose_name="appointment",
            ),
        ),
        migrations.AlterField(
            model_name="quotaplan",
            name="made_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                to=settings.AUTH_USER_MODEL,
                verbose_name="who",
            ),
        ),
        migrations.AlterField(
            model_name="session",
            name="version",
            field=models.PositiveIntegerField(default=0, editable=False, verbose_name="version"),
        ),
    ]
