"""Addresses of pages, API and admin. Websockets and /live/ are in asgi.py."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
]
