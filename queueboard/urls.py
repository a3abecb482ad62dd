"""Addresses of pages, API and admin. Websockets and /live/ are in asgi.py."""

from django.contrib import admin
from django.urls import include, path

from queueboard.views import board, lookup, phone, public

urlpatterns = [
    path("", public.home, name="home"),
    path("q/<int:session_id>/", public.queue, name="queue"),
    path("t/<str:token>/", phone.page, name="phone"),
    path("lookup/", lookup.lookup, name="lookup"),
    path("board/<slug:slug>/", board.board, name="board"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
]
