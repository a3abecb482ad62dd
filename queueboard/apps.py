from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class QueueboardConfig(AppConfig):
    name = "queueboard"
    verbose_name = _("Live queue")
    default_auto_field = "django.db.models.BigAutoField"
