"""Message catalogues without system gettext: texts are found with Django's own template reader, the rest is Babel."""

import io
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation import template

KEYWORDS = {
    "_": None, "gettext": None, "gettext_lazy": None, "gettext_noop": None,
    "ngettext": (1, 2), "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2), "pgettext_lazy": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3),
}  # fmt: skip
SOURCES = ("booking", "queueboard", "templates")
# Parts of the admin that come without Chinese.
LIBRARIES = ("axes", "unfold")
# File, line, text or (singular, plural), context.
Found = tuple[str, int, object, str | None]
LOCALES = {"zh_Hans": "zh_Hans_CN", "zh_Hant": "zh_Hant_TW"}
# Without dates and placeholders: an update that finds nothing new changes no byte.
HEADER = """\
msgid ""
msgstr ""
"Project-Id-Version: queueboard\\n"
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""


def messages(root: Path) -> Iterator[Found]:
    """Every translatable text below `root`, and those of the admin's pages that nobody else translates."""
    for folder in SOURCES:
        yield from _below(root / folder, root)
    yield from _of_libraries()


def _below(folder: Path, root: Path) -> Iterator[Found]:
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".py", ".html", ".txt") or "migrations" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            # Babel reads the outcome as Python, to which the indentation of a template would be an error.
            blanked = template.templatize(text, origin=str(path))
            text = "\n".join(line.lstrip() for line in blanked.split("\n"))
        for line, message, _comments, context in extract(
            "python", io.BytesIO(text.encode()), keywords=KEYWORDS, options={"encoding": "utf-8"}
        ):
            yield str(path.relative_to(root)), line, message, context


def _of_libraries() -> Iterator[Found]:
    """Texts of LIBRARIES, as far as Django's own catalogues do not have them."""
    known = set()
    for part in ("conf", "contrib/admin", "contrib/auth"):
        with (_home("django") / part / "locale/zh_Hans/LC_MESSAGES/django.mo").open("rb") as file:
            known |= {(_first(message.id), message.context) for message in read_mo(file)}
    for library in LIBRARIES:
        home = _home(library)
        for path, line, message, context in _below(home, home.parent):
            if not path.startswith("unfold/contrib/") and (_first(message), context) not in known:
                yield path, line, message, context


def _home(package: str) -> Path:
    return Path(str(files(package)))


def _first(message: object) -> object:
    """A text, of a pair (singular, plural) the singular."""
    return message[0] if isinstance(message, (list, tuple)) else message


def template_catalogue(root: Path) -> Catalog:
    """All texts of the project, untranslated."""
    catalogue = Catalog(project="queueboard", fuzzy=False)
    for path, _line, message, context in messages(root):
        catalogue.add(message, locations=[(path, None)], context=context)  # type: ignore[arg-type,list-item]
    return catalogue


def update(root: Path) -> dict[str, int]:
    """Writes the texts as they are now into every .po file, keeping translations. Returns how many each lacks."""
    found = template_catalogue(root)
    lacking = {}
    for locale, babel_locale in LOCALES.items():
        path = root / "locale" / locale / "LC_MESSAGES" / "django.po"
        path.parent.mkdir(parents=True, exist_ok=True)
        old = _read(path, babel_locale)
        old.update(found, no_fuzzy_matching=True)
        old.obsolete.clear()
        save(path, locale, old)
        lacking[locale] = sum(1 for _ in untranslated(old))
    return lacking


def save(path: Path, locale: str, catalogue: Catalog) -> None:
    """Writes a .po file, unless it would not change."""
    entries = io.BytesIO()
    write_po(entries, catalogue, width=120, sort_output=True, omit_header=True)
    content = HEADER.format(language=locale).encode() + entries.getvalue()
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)


def untranslated(catalogue: Catalog) -> Iterator[str]:
    """Texts of a catalogue that have no translation."""
    for message in catalogue:
        strings = message.string if isinstance(message.string, (list, tuple)) else [message.string]
        if message.id and not all(strings):
            yield str(message.id)


def _read(path: Path, locale: str) -> Catalog:
    if not path.exists():
        return Catalog(locale=locale, project="queueboard", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=locale)


def compile_all(root: Path) -> int:
    """Makes every .mo file that is older than its .po file. Returns how many."""
    made = 0
    for path in sorted((root / "locale").glob("*/LC_MESSAGES/*.po")):
        target = path.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= path.stat().st_mtime:
            continue
        catalogue = _read(path, LOCALES[path.parts[-3]])
        with target.open("wb") as file:
            write_mo(file, catalogue)
        made += 1
    return made
