"""manage.py wechat_menu: makes the menu of the official account, in the place of the one before."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from queueboard import wechat
from queueboard.chat import places
from queueboard.wechat import api
from queueboard.wechat.transport import WeChatError


class Command(BaseCommand):
    help = "Makes the menu of the WeChat official account, in the place of the one before."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--language", help="en, zh-hans or zh-hant (default: LANGUAGE_CODE)")

    def handle(self, *args: Any, language: str | None, **options: Any) -> None:
        if not wechat.is_set_up():
            raise CommandError(
                "There is no official account: set WECHAT_APP_ID, WECHAT_SECRET, WECHAT_TOKEN, SITE_URL."
            )
        with override(language or get_language()):
            wanted = buttons()
        try:
            api.make_menu(wanted)
        except WeChatError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("The menu is made; phones show it within five minutes, or when one follows anew.")


def buttons() -> list[dict[str, Any]]:
    """The menu, in the active language. A key reads as what one would have typed (queueboard.chat.commands)."""
    more = [_key(_("Bind my phone"), "bind"), _key(_("Language"), "language"), _key(_("Help"), "help")]
    return [
        _key(_("My queue"), "queue"),
        {"type": "view", "name": _("Book"), "url": places.link("book")},
        {"name": _("More"), "sub_button": more},
    ]


def _key(name: str, key: str) -> dict[str, str]:
    return {"type": "click", "name": name, "key": key}
