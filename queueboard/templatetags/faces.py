"""Names in the reader's language, with the right `lang` where a name is only written in another."""

import re

from django import template
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()

HTML_LANG = {"en": "en", "zh-hans": "zh-Hans", "zh-hant": "zh-Hant"}
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
def named(names: dict[str, str] | None) -> SafeString:
    """The same in a <span> whose `lang` says Chinese on an English page, so that it is read and drawn as Chinese."""
    words = in_words(names)
    if get_language() == "en" and HAN.search(words):
        return format_html('<span lang="zh-Hans">{}</span>', words)
    return format_html("<span>{}</span>", words)


@register.filter
def lang_of(words: str) -> str:
    """The `lang` of a person's name, which is in no language of the page: zh-Hans where it is written in Chinese."""
    return "zh-Hans" if HAN.search(words or "") else "en"


@register.simple_tag
def hospital_name() -> str:
    return str(settings.HOSPITAL_NAME)
