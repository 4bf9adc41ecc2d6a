"""The accessibility statement, which anybody may read: also those who only have a link to answer."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language, override
from django.views.decorators.http import require_safe

from accounts_review.web.shared.documents import document


@login_not_required
@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    """The statement in the reader's language, and whom to tell of a barrier."""
    chosen = request.GET.get("language")
    with override(chosen if chosen in dict(settings.LANGUAGES) else get_language()):
        context = {"document": document("accessibility", get_language() or "en"), "contact": settings.EMAIL_CONTACT}
        response = render(request, "accounts_review/public/accessibility.html", context)
        response["Content-Language"] = get_language() or settings.LANGUAGE_CODE
    return response
