"""The portal's pages and their addresses."""

from __future__ import annotations

from django.urls import URLPattern, include, path

from accounts_review.web.views import (
    account,
    answer,
    audit,
    bounces,
    cleanups,
    letters,
    overview,
    policy,
    restore,
    review,
    workspaces,
)

of_workspace: list[URLPattern] = [
    path("", overview.Overview.as_view(), name="overview"),
    path("review/", review.Review.as_view(), name="review"),
    path("review/export/", review.Export.as_view(), name="export"),
    path("review/decide/", review.Decide.as_view(), name="decide"),
    path("accounts/<int:pk>/", account.AccountPage.as_view(), name="account"),
    path("cleanups/", cleanups.Cleanups.as_view(), name="cleanups"),
    path("cleanups/<int:number>/", cleanups.CleanupPage.as_view(), name="cleanup"),
    path("cleanups/<int:number>/launch/", cleanups.Launch.as_view(), name="launch"),
    path("cleanups/<int:number>/progress/", cleanups.Progress.as_view(), name="progress"),
    path("cleanups/<int:number>/withdraw/<int:case>/", cleanups.Withdraw.as_view(), name="withdraw"),
    path("cleanups/<int:number>/<str:verb>/", cleanups.Turn.as_view(), name="turn"),
    path("cleanups/<int:number>/cases/<int:pk>/restore/", restore.Restore.as_view(), name="restore"),
    path("policy/", policy.PolicyPage.as_view(), name="policy"),
    path("policy/letters/", letters.LettersPage.as_view(), name="letters"),
    path("audit/", audit.Audit.as_view(), name="audit"),
    path("audit/verify/", audit.Verify.as_view(), name="audit_verify"),
    path("audit/export/", audit.Export.as_view(), name="audit_export"),
    path("sync/", workspaces.Sync.as_view(), name="sync"),
    path("mode/", workspaces.Mode.as_view(), name="mode"),
]

urlpatterns = [
    path("", overview.Home.as_view(), name="home"),
    path("answer/<str:token>/", answer.AnswerPage.as_view(), name="answer"),
    path("bounces/", bounces.Bounces.as_view(), name="bounces"),
    path("workspaces/", workspaces.Workspaces.as_view(), name="workspaces"),
    path("workspaces/<slug:workspace>/breaker/", workspaces.Breaker.as_view(), name="breaker"),
    path("w/<slug:workspace>/", include(of_workspace)),
]
