"""Every text is translated, completely, in both Chinese scripts."""

import re
import shutil

import pytest
from django.conf import settings

from queueboard import catalogues

PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[a-z%]|\{\w*\}")


def catalogue(locale):
    return catalogues._read(
        settings.BASE_DIR / "locale" / locale / "LC_MESSAGES" / "django.po", catalogues.LOCALES[locale]
    )


@pytest.fixture(scope="module")
def source():
    return catalogues.template_catalogue(settings.BASE_DIR)


@pytest.mark.parametrize("locale", catalogues.LOCALES)
def test_every_text_of_the_sources_is_translated(locale, source):
    translated = catalogue(locale)
    have = {(m.id if isinstance(m.id, str) else m.id[0], m.context) for m in translated if m.id}
    want = {(m.id if isinstance(m.id, str) else m.id[0], m.context) for m in source if m.id}
    assert not want - have
    assert not list(catalogues.untranslated(translated))


@pytest.mark.parametrize("locale", catalogues.LOCALES)
def test_translations_keep_the_placeholders(locale):
    wrong = []
    for message in catalogue(locale):
        ids = message.id if isinstance(message.id, (list, tuple)) else [message.id]
        strings = message.string if isinstance(message.string, (list, tuple)) else [message.string]
        if ids[0] and not any(
            sorted(PLACEHOLDER.findall(ids[-1])) == sorted(PLACEHOLDER.findall(text)) for text in strings
        ):
            wrong.append((ids[-1], strings))
    assert not wrong


def test_the_two_scripts_are_not_mixed_up():
    """A few characters that exist in one script only, checked over the whole catalogue."""
    simplified, traditional = "们号预诊患个时这请队", "們號預診個時這請隊"
    texts = {locale: "".join(str(m.string) for m in catalogue(locale) if m.id) for locale in catalogues.LOCALES}
    assert not set(traditional) & set(texts["zh_Hans"])
    assert not set(simplified) - set("患") & set(texts["zh_Hant"])


def test_an_update_without_new_texts_changes_no_byte(tmp_path):
    for folder in catalogues.SOURCES:
        (tmp_path / folder).symlink_to(settings.BASE_DIR / folder)
    shutil.copytree(settings.BASE_DIR / "locale", tmp_path / "locale")
    catalogues.update(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.glob("locale/*/LC_MESSAGES/*.po")}
    catalogues.update(tmp_path)
    assert {path: path.read_bytes() for path in before} == before
    assert len(before) == len(catalogues.LOCALES)


def test_indented_templates_are_read_to_their_end(tmp_path):
    """Babel reads a template's blanked text as Python, to which its indentation means something."""
    for folder in catalogues.SOURCES:
        (tmp_path / folder).mkdir()
    page = '<ul>\n    <li>{% translate "first" %}</li>\n  </ul>\n{% translate "last" %}\n'
    (tmp_path / "templates" / "page.html").write_text(page, encoding="utf-8")
    found = [text for path, _line, text, _context in catalogues.messages(tmp_path) if path == "templates/page.html"]
    assert found == ["first", "last"]
