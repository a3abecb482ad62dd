"""The WSGI entry: pages, admin and API (live traffic goes to asgi.py)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queueboard.settings")

application = get_wsgi_application()
