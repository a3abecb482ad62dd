"""Style sheets and scripts go out compressed where `collectstatic` has put them so (`manage.py up` does), else as they
are. Pages with something of a person's are not compressed unless nobody else can have them fetched (docs/security.md).
"""

import os
from typing import Any

from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFiles(WhiteNoiseMiddleware):
    """WhiteNoise, which with its finders would never look at what was collected."""

    def add_file_to_dictionary(self, url: str, path: str, stat_cache: dict[str, Any] | None = None) -> None:
        collected = os.path.join(self.static_root or "", url.removeprefix(self.static_prefix))
        # One that is older than the file itself is of an earlier version.
        if self.static_root and os.path.isfile(collected) and os.path.getmtime(collected) >= os.path.getmtime(path):
            path, stat_cache = collected, None
        super().add_file_to_dictionary(url, path, stat_cache=stat_cache)
