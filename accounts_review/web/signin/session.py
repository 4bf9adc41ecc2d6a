"""How much of a session is left, and the click that keeps it: what the warning before its end asks for."""

from __future__ import annotations

from time import time

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import View

from accounts_review.web.signin.lifetime import SEEN, left_of


class SessionLeft(View):
    """Seconds until the session ends; asking proves nobody's presence, sending the form does."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return JsonResponse(left_of(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        request.session[SEEN] = time()
        return JsonResponse(left_of(request))
