"""A patient's page as an app on the phone (PWA): its manifest, and the service worker that all these pages share."""

from functools import cache

from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from queueboard.services.sharing import is_live
from queueboard.templatetags.faces import hospital_name, html_lang
from queueboard.views.language import in_language
from queueboard.views.own import visit_of
from queueboard.views.private import private

SCOPE = "/t/"
SCRIPTS = ("js/tell_worker.js", "js/keep_worker.js")
ICONS = ((192, "any"), (512, "any"), (512, "maskable"))  # pixels, and what for


@require_safe
@private
@in_language
def app(request: HttpRequest, token: str) -> HttpResponse:
    """The manifest. A later visit takes the place of this one: it is the same app. Raises Http404 once it is over."""
    if not is_live(visit_of(token)):
        raise Http404
    name = _("Your visit")
    manifest = {
        "id": SCOPE,
        "name": f"{name} · {hospital_name()}",
        "short_name": name,
        "lang": html_lang(),
        "start_url": reverse("phone", args=[token]),
        "scope": SCOPE,
        "display": "standalone",
        "background_color": "#f3f7fa",
        "theme_color": "#0a6b62",
        "icons": [
            {"src": static(f"img/icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
            for size, purpose in ICONS
        ],
    }
    return JsonResponse(manifest, content_type="application/manifest+json")


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker, from where its pages are: it may act for what lies beneath its own address only."""
    return service_worker(*SCRIPTS)


def service_worker(*scripts: str) -> HttpResponse:
    """These files of static/ as one service worker, which browsers ask for anew each time."""
    response = HttpResponse(_script(scripts), content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    return response


@cache
def _script(scripts: tuple[str, ...]) -> str:
    parts = []
    for each in scripts:
        with open(finders.find(each), encoding="utf-8") as file:  # type: ignore[arg-type]  # it is in static/
            parts.append(file.read())
    return "\n".join(parts)
