"""The addresses of a portal that is a demo."""

from __future__ import annotations

from django.urls import include, path

from cleanup_portal.urls import urlpatterns as of_any_portal

urlpatterns = [path("mailbox/", include("accounts_review.web.demo.urls")), *of_any_portal]
