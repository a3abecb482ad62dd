from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class QueueboardConfig(AppConfig):
    name = "queueboard"
    verbose_name = _("Live queue")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from queueboard import discreet, readers  # noqa: F401  # its check
        from queueboard.notify import checks, nudge  # noqa: F401  # each registers itself
        from queueboard.wechat import checks as official_account  # noqa: F401

        discreet.install()
