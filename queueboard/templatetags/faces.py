"""Names in the reader's language, with the right `lang` where a name is only written in another."""

import re
from datetime import date

from django import template
from django.conf import settings
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

register = template.Library()

HTML_LANG = {"en": "en", "zh-hans": "zh-Hans", "zh-hant": "zh-Hant"}
DIGITS = re.compile(r"([0-9]+)")
HAN = re.compile(r"[\u3400-\u9fff]")


@register.simple_tag
def html_lang() -> str:
    """The active language as HTML writes it: en, zh-Hans, zh-Hant."""
    return HTML_LANG.get(get_language() or "", "zh-Hans")


@register.filter
def as_html_lang(code: str) -> str:
    return HTML_LANG.get(code, code)


@register.filter
def in_words(names: dict[str, str] | None) -> str:
    """Of a dict by language code, the words for the reader."""
    names = names or {}
    return names.get(get_language() or "") or names.get("zh-hans") or ""


@register.filter
def at_key(values: dict, key: object) -> object:
    """What a dict has under a key that is in a variable; None: nothing."""
    return values.get(key)


@register.filter
def named(names: dict[str, str] | None) -> SafeString:
    """The same in a <span> whose `lang` says Chinese on an English page, so that it is read and drawn as Chinese."""
    words = in_words(names)
    if get_language() == "en" and HAN.search(words):
        return format_html('<span lang="zh-Hans">{}</span>', words)
    return format_html("<span>{}</span>", words)


@register.filter
def digits_apart(name: str) -> SafeString:
    """A room's name with its digits in <b>, as they are larger on the board: as board.js has it."""
    return format_html_join("", "{}", ((_digits(part),) for part in DIGITS.split(name)))


def _digits(part: str) -> str:
    return format_html("<b>{}</b>", part) if DIGITS.match(part) else part


@register.filter
def lang_of(words: str) -> str:
    """The `lang` of a person's name, which is in no language of the page: zh-Hans where it is written in Chinese."""
    return "zh-Hans" if HAN.search(words or "") else "en"


@register.filter
def yuan(fen: int) -> str:
    """An amount in fen as people read it: 20 or 20.50."""
    return f"{fen // 100}.{fen % 100:02}" if fen % 100 else str(fen // 100)


@register.simple_tag(takes_context=True)
def here(context: template.RequestContext) -> str:
    """The address of this page as it is, but for a language that was asked for in it."""
    request = context["request"]
    asked = request.GET.copy()
    asked.pop("lang", None)
    return f"{request.path}?{asked.urlencode()}" if asked else request.path


@register.filter
def on_day(day: date) -> str:
    """Monday, November 30; 11月30日 星期一."""
    return _("%(weekday)s, %(day)s") % {"weekday": date_format(day, "l"), "day": date_format(day, "MONTH_DAY_FORMAT")}


@register.filter
def on_short_day(day: date) -> str:
    """The same with a short name of the weekday."""
    return _("%(weekday)s, %(day)s") % {"weekday": date_format(day, "D"), "day": date_format(day, "MONTH_DAY_FORMAT")}


@register.simple_tag
def hospital_name() -> str:
    return str(settings.HOSPITAL_NAME)
