"""Addresses of the whole portal: sign-in, health, language, and the pages of the one app."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.i18n import set_language
from health_check.views import HealthCheckView

from cleanup_portal import health

urlpatterns = [
    path("accounts/", include("accounts_review.web.signin.urls")),
    path("health/", login_not_required(HealthCheckView.as_view(checks=["health_check.Database"])), name="health"),
    path("health/worker/", login_not_required(health.page(health.everything)), name="worker_health"),
    # For a container: starting a worker anew mends neither an old sync nor a hold, and would cut short the next sync.
    path("health/worker/alive/", login_not_required(health.page(health.worker)), name="worker_alive"),
    path("language/", login_not_required(set_language), name="set_language"),
    path("", include("accounts_review.web.urls")),
]
if settings.IS_DEMO:
    urlpatterns.append(path("mailbox/", include("accounts_review.web.demo.urls")))
