"""The addresses that only the demo has."""

from __future__ import annotations

from django.urls import path

from accounts_review.web.demo import views

urlpatterns = [
    path("", views.Mailbox.as_view(), name="mailbox"),
    path("skip/", views.SkipDays.as_view(), name="skip_days"),
]
