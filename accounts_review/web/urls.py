"""The portal's pages and their addresses."""

from __future__ import annotations

from django.urls import URLPattern, include, path, re_path

from accounts_review.web.account import card, known_then
from accounts_review.web.account import views as account
from accounts_review.web.audit import views as audit
from accounts_review.web.cleanups import cases, launch, paper, restore, revoked
from accounts_review.web.cleanups import views as cleanups
from accounts_review.web.cleanups.export import CleanupExport
from accounts_review.web.docs import views as docs
from accounts_review.web.hold import views as hold
from accounts_review.web.overview import views as overview
from accounts_review.web.people import views as people
from accounts_review.web.policy import backtest, emails, previews, privacy, what_if
from accounts_review.web.policy import views as policy
from accounts_review.web.public import accessibility, answer, bounces
from accounts_review.web.review import bulk, export, import_decisions, look, news, saved_views
from accounts_review.web.review import views as review
from accounts_review.web.search import views as search
from accounts_review.web.shared.access import Moved
from accounts_review.web.signin import go_on, profile
from accounts_review.web.workspaces import schedule, settings, syncs
from accounts_review.web.workspaces import views as workspaces

of_workspace: list[URLPattern] = [
    path("", overview.Overview.as_view(), name="overview"),
    path("review/", review.Review.as_view(), name="review"),
    path("review/export/", export.ReviewExport.as_view(), name="export"),
    path("review/import/", import_decisions.Import.as_view(), name="import"),
    path("review/import/<uuid:pk>/", import_decisions.ImportPlan.as_view(), name="import_plan"),
    path("review/decide/", review.Decide.as_view(), name="decide"),
    path("review/decisions/<int:pk>/", bulk.BulkDecisionPage.as_view(), name="bulk_decision"),
    path("review/news/", news.DecisionNews.as_view(), name="news"),
    path("review/look/", look.SetLook.as_view(), name="look"),
    path("review/views/", saved_views.SaveView.as_view(), name="save_view"),
    path("review/views/<int:pk>/drop/", saved_views.DropView.as_view(), name="drop_view"),
    path("accounts/<int:pk>/card/", card.AccountCard.as_view(), name="card"),
    path("accounts/<int:pk>/", account.AccountPage.as_view(), name="account"),
    path("accounts/<int:pk>/dates/", account.AcceptDates.as_view(), name="accept_dates"),
    path("accounts/<int:pk>/erase/", account.Erase.as_view(), name="erase_person"),
    path("accounts/<int:pk>/report/", account.AccessReport.as_view(), name="access_report"),
    path("accounts/<int:pk>/then/<int:seq>/", known_then.KnownThen.as_view(), name="known_then"),
    path("accounts/<int:pk>/service/", account.ServiceAccount.as_view(), name="service_account"),
    path("cleanups/", cleanups.Cleanups.as_view(), name="cleanups"),
    path("cleanups/<int:number>/", cleanups.CleanupPage.as_view(), name="cleanup"),
    path("cleanups/<int:number>/export/", CleanupExport.as_view(), name="cleanup_export"),
    path("cleanups/<int:number>/print/", paper.Print.as_view(), name="print"),
    path("cleanups/<int:number>/paper.css", paper.Paper.as_view(), name="paper"),
    path("cleanups/<int:number>/launch/", launch.Launch.as_view(), name="launch"),
    path("cleanups/<int:number>/progress/", cleanups.ProgressFragment.as_view(), name="progress"),
    path("cleanups/<int:number>/cases/", cases.Act.as_view(), name="cases"),
    path("cleanups/<int:number>/cases/<int:pk>/", cases.CasePage.as_view(), name="case"),
    path("cleanups/<int:number>/<str:verb>/", cleanups.Turn.as_view(), name="turn"),
    path("cleanups/<int:number>/cases/<int:pk>/restore/", restore.Restore.as_view(), name="restore"),
    path("revoked/", revoked.Revoked.as_view(), name="revoked"),
    path("policy/", policy.PolicyPage.as_view(), name="policy"),
    path("policy/check/", policy.PolicyCheck.as_view(), name="policy_check"),
    path("policy/what-if/", what_if.WhatIf.as_view(), name="what_if"),
    path("policy/versions/<int:number>/", policy.VersionPage.as_view(), name="policy_version"),
    path("policy/previews/<int:pk>/", previews.PreviewPage.as_view(), name="policy_preview"),
    path("policy/previews/<int:pk>/accounts/", previews.PreviewAccounts.as_view(), name="preview_accounts"),
    path("policy/record/", privacy.PrivacyTexts.as_view(), name="policy_record"),
    path("policy/record/begin/", privacy.BeginRetention.as_view(), name="begin_retention"),
    path("policy/backtest/", backtest.BacktestPage.as_view(), name="backtest"),
    path("policy/emails/", emails.EmailsPage.as_view(), name="emails"),
    path("policy/letters/", Moved.as_view(to="emails"), name="moved_emails"),
    path("policy/proposals/<int:pk>/", Moved.as_view(to="policy_preview"), name="moved_preview"),
    path("policy/proposals/<int:pk>/accounts/", Moved.as_view(to="preview_accounts"), name="moved_preview_accounts"),
    path("people/", people.PeopleOfWorkspace.as_view(), name="people_of_workspace"),
    path("audit/", audit.Audit.as_view(), name="audit"),
    path("audit/verify/", audit.Verify.as_view(), name="audit_verify"),
    path("audit/export/", audit.AuditExport.as_view(), name="audit_export"),
    path("syncs/", syncs.Syncs.as_view(), name="syncs"),
    path("syncs/<int:pk>/", syncs.SyncPage.as_view(), name="sync_page"),
    path("syncs/<int:pk>/stop/", syncs.StopSync.as_view(), name="stop_sync"),
    path("syncs/<int:pk>/breaker/", syncs.Breaker.as_view(), name="breaker"),
    path("check-connection/", workspaces.CheckConnection.as_view(), name="check_connection"),
    path("sync/", workspaces.StartSync.as_view(), name="sync"),
    path("settings/", settings.Settings.as_view(), name="settings"),
    path("mode/", workspaces.SetMode.as_view(), name="mode"),
]

urlpatterns = [
    path("", overview.Home.as_view(), name="home"),
    path("answer/<str:token>/", answer.AnswerPage.as_view(), name="answer"),
    # Whoever was warned cannot sign in: an address that a mail program has torn is said to be one.
    re_path(r"^answer/(?P<token>[\s\S]*)$", answer.AnswerPage.as_view(), name="torn_answer"),
    path("accessibility/", accessibility.accessibility, name="accessibility"),
    path("bounces/", bounces.Bounces.as_view(), name="bounces"),
    path("docs/", docs.Documentation.as_view(), name="docs"),
    path("docs/<path:name>/", docs.DocumentPage.as_view(), name="document"),
    path("search/", search.Search.as_view(), name="search"),
    path("workspaces/", workspaces.Workspaces.as_view(), name="workspaces"),
    path("workspaces/add/", settings.Add.as_view(), name="new_workspace"),
    path("profile/", profile.Profile.as_view(), name="profile"),
    path("go-on/", go_on.GoOn.as_view(), name="go_on"),
    path("hold/", hold.HoldPage.as_view(), name="hold"),
    path("people/", people.People.as_view(), name="people"),
    path("people/<int:pk>/", people.PersonPage.as_view(), name="person"),
    path("schedule/", schedule.SchedulePage.as_view(), name="schedule"),
    path("w/<slug:workspace>/", include(of_workspace)),
]
