"""The Content-Security-Policy of the admin: django-unfold's pages run Alpine, which needs eval and inline styles.

Relaxed under /admin/ only. The desk lies there too and is a page of our own: it asks for the strict policy.
"""

from csp.constants import HEADER, NONCE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

NO_PAGE = "default-src 'none'; frame-ancestors 'none'"  # JSON loads nothing, whoever shows it
RELAXED = {"script-src": [SELF, UNSAFE_EVAL, NONCE], "style-src": [SELF, UNSAFE_INLINE]}


def strict(response: HttpResponse) -> HttpResponse:
    """Marks a page under /admin/ as one that keeps to the policy of the rest of the site."""
    response.keeps_strict_policy = True  # type: ignore[attr-defined]
    return response


class ContentPolicy(CSPMiddleware):
    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if "json" in response.headers.get("Content-Type", ""):
            response.headers.setdefault(HEADER, NO_PAGE)
            return response
        return super().process_response(request, response)

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        in_admin = request.path_info.startswith(reverse("admin:index"))
        if in_admin and not report_only and not getattr(response, "keeps_strict_policy", False):
            parts.replace = {**(parts.replace or {}), **RELAXED}
        return parts
