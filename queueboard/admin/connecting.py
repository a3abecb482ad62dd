"""The key on the page of a board or kiosk that leads to "Connect a screen", with that place chosen."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action


class ConnectsScreens(ModelAdmin):
    """For the places that a screen can show."""

    actions_detail = ("connect_screen",)

    def has_connect_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("queueboard.add_device")

    @action(description=_("Connect a screen"), permissions=["connect"], url_path="connect", icon="cast")
    def connect_screen(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(f"{reverse('admin:queueboard_device_add')}?{self.opts.model_name}={object_id}")
