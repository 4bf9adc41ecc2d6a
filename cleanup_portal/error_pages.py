"""Error pages that need nothing of the request, and those of the debug mode, without any value (law 12)."""

from __future__ import annotations

from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.debug import SafeExceptionReporterFilter


class WithoutValues(SafeExceptionReporterFilter):
    """Django's own filter, which lets everything through in debug mode, where keys and passwords may be real."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return dict.fromkeys(request.POST, self.cleansed_substitute) if request else {}

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> ItemsView[str, Any]:
        return dict[str, Any]().items()


def unreadable(_request: HttpRequest, exception: Exception) -> HttpResponse:
    """What was sent cannot be read. Django's own page looks for the form's token, so reads it again and fails, too."""
    return HttpResponse(render_to_string("400.html"), status=400)


def failed(_request: HttpRequest) -> HttpResponse:
    """Something broke: the page asks neither the form nor the database."""
    return HttpResponse(render_to_string("500.html"), status=500)
