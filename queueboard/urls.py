"""Addresses of pages, API and admin. Websockets and /live/ are in asgi.py."""

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView

from queueboard import health
from queueboard.api.schema import Docs, Nowhere
from queueboard.views import board, desk, expert, lookup, pay, phone, public

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("", public.home, name="home"),
    path("q/<int:session_id>/", public.queue, name="queue"),
    path("t/<str:token>/", phone.page, name="phone"),
    path("pay/demo/<slug:number>/", pay.demo, name="pay_demo"),
    path("pay/notices/<slug:provider>/", pay.notice, name="pay_notice"),
    path("lookup/", lookup.lookup, name="lookup"),
    path("board/<slug:slug>/", board.board, name="board"),
    path("api/v1/", include("queueboard.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", Docs.as_view(), name="docs"),
    re_path("^api/", Nowhere.as_view()),
    path("i18n/", include("django.conf.urls.i18n")),
    path("expert/", expert.page, name="expert"),
    path("admin/desk/", admin.site.admin_view(desk.page), name="desk"),
    path("admin/", admin.site.urls),
]

handler500 = "queueboard.problems.server_error"
