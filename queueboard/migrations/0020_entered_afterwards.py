from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("queueboard", "0019_data_log_is_seen")]
    operations = [
        migrations.AddField(
            "queueevent",
            "entered_at",
            models.DateTimeField(blank=True, null=True, verbose_name="entered afterwards"),
        ),
    ]
