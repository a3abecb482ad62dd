"""Which version of the pages this process serves: by it a page that is open for weeks learns of a newer one."""

import hashlib
from functools import cache

from django.conf import settings

LENGTH = 12
PARTS = ("static", "templates", "locale", "queueboard", "booking")  # folders that a page is made from
KINDS = {".js", ".css", ".svg", ".html", ".po", ".py"}


@cache
def build_id() -> str:
    """The same for the same files, in every process."""
    digest = hashlib.sha256()
    for part in PARTS:
        for path in sorted((settings.BASE_DIR / part).rglob("*")):
            if path.suffix in KINDS:
                digest.update(path.name.encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:LENGTH]
