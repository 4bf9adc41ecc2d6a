"""Addresses of the whole portal: sign-in, health, language, and the pages of the one app."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path
from django.views.decorators.http import require_safe
from django.views.i18n import set_language
from health_check.views import HealthCheckView

from cleanup_portal import health


@login_not_required
@require_safe
def icon(request: HttpRequest) -> HttpResponse:
    """Where browsers look for an icon by themselves, for pages that name none."""
    return redirect(static("portal/favicon.svg"))


handler400 = "cleanup_portal.error_pages.unreadable"
handler500 = "cleanup_portal.error_pages.failed"

urlpatterns = [
    path("accounts/", include("accounts_review.web.signin.urls")),
    path("favicon.ico", icon, name="icon"),
    path("health/", login_not_required(HealthCheckView.as_view(checks=["health_check.Database"])), name="health"),
    path("health/worker/", login_not_required(health.page(health.everything)), name="worker_health"),
    # For a container: starting a worker anew mends neither an old sync nor a hold, and would cut short the next sync.
    path("health/worker/alive/", login_not_required(health.page(health.worker)), name="worker_alive"),
    path("language/", login_not_required(set_language), name="set_language"),
    path("", include("accounts_review.web.urls")),
]
if settings.IS_DEMO:
    urlpatterns.append(path("mailbox/", include("accounts_review.web.demo.urls")))
