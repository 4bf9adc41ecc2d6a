"""The portal's pages and their addresses."""

from __future__ import annotations

from django.urls import URLPattern, include, path

from accounts_review.web.views import (
    account,
    answer,
    audit,
    backtest,
    card,
    cases,
    cleanups,
    exchange,
    launch,
    letters,
    news,
    overview,
    policy,
    proposals,
    restore,
    review,
    saved_views,
    what_if,
    workspaces,
)

of_workspace: list[URLPattern] = [
    path("", overview.Overview.as_view(), name="overview"),
    path("review/", review.Review.as_view(), name="review"),
    path("review/export/", exchange.Export.as_view(), name="export"),
    path("review/import/", exchange.Import.as_view(), name="import"),
    path("review/import/<uuid:pk>/", exchange.ImportPlan.as_view(), name="import_plan"),
    path("review/decide/", review.Decide.as_view(), name="decide"),
    path("review/news/", news.NewsOfOthers.as_view(), name="news"),
    path("review/views/", saved_views.SaveView.as_view(), name="save_view"),
    path("review/views/<int:pk>/drop/", saved_views.DropView.as_view(), name="drop_view"),
    path("accounts/<int:pk>/card/", card.AccountCard.as_view(), name="card"),
    path("accounts/<int:pk>/", account.AccountPage.as_view(), name="account"),
    path("cleanups/", cleanups.Cleanups.as_view(), name="cleanups"),
    path("cleanups/<int:number>/", cleanups.CleanupPage.as_view(), name="cleanup"),
    path("cleanups/<int:number>/export/", exchange.CleanupExport.as_view(), name="cleanup_export"),
    path("cleanups/<int:number>/launch/", launch.Launch.as_view(), name="launch"),
    path("cleanups/<int:number>/progress/", cleanups.Progress.as_view(), name="progress"),
    path("cleanups/<int:number>/cases/", cases.Act.as_view(), name="cases"),
    path("cleanups/<int:number>/cases/<int:pk>/", cases.CasePage.as_view(), name="case"),
    path("cleanups/<int:number>/<str:verb>/", cleanups.Turn.as_view(), name="turn"),
    path("cleanups/<int:number>/cases/<int:pk>/restore/", restore.Restore.as_view(), name="restore"),
    path("policy/", policy.PolicyPage.as_view(), name="policy"),
    path("policy/what-if/", what_if.WhatIf.as_view(), name="what_if"),
    path("policy/versions/<int:number>/", policy.VersionPage.as_view(), name="policy_version"),
    path("policy/proposals/<int:pk>/", proposals.ProposalPage.as_view(), name="proposal"),
    path("policy/proposals/<int:pk>/accounts/", proposals.Movers.as_view(), name="movers"),
    path("policy/backtest/", backtest.BacktestPage.as_view(), name="backtest"),
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
    path("workspaces/", workspaces.Workspaces.as_view(), name="workspaces"),
    path("workspaces/<slug:workspace>/breaker/", workspaces.Breaker.as_view(), name="breaker"),
    path("w/<slug:workspace>/", include(of_workspace)),
]
