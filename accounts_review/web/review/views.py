"""The review page: the table of accounts, and the decisions on them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.functional import SimpleLazyObject, cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_filters.views import FilterView
from django_tables2 import SingleTableMixin

from accounts_review import audit
from accounts_review.models import Account, Exemption, SavedView, Workspace, may
from accounts_review.models.prepared import Prepared
from accounts_review.rules.lifecycle import IllegalTransition
from accounts_review.tasks.queue import enqueue_bulk_decision
from accounts_review.web.review import leaving
from accounts_review.web.review.filters import DEFAULT, EVERYONE, ReviewFilter, Tab
from accounts_review.web.review.forms import Deciding, DecisionForm
from accounts_review.web.review.look import SORTS, ListLook, carried
from accounts_review.web.review.plain import are_nearly_all, ends_of, walked
from accounts_review.web.review.saved_views import kept_for, look_left, save_form, views_of
from accounts_review.web.review.seek import Place, order_named
from accounts_review.web.review.selection import (
    MOST_AT_ONCE,
    WHILE_ONE_WAITS,
    Everyone,
    Stale,
    chosen,
    decided_at,
    filtered,
    matching,
)
from accounts_review.web.review.table import ReviewTable
from accounts_review.web.shared import too_late
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.web.shared.navigation import draft_of, page_of_ours
from accounts_review.wording import instants
from accounts_review.wording.numbers import counted
from accounts_review.workflow.review import bulk, decide
from accounts_review.workflow.review.conflicts import newest
from accounts_review.workflow.review.refusals import AccountRefusal, Apart

MOST_NAMED = 10
RECENT, MOST_RECENT = 40, 4
_REASONS = Prepared(
    lambda workspace, by: (
        Exemption.objects.filter(account__workspace=workspace, by=by)
        .order_by("-at", "-pk")
        .values_list("reason")[:RECENT]
    ),
    workspace=int,
    by=int,
)


class Review(WorkspaceView, SingleTableMixin, FilterView):  # type: ignore[misc]
    """Who is dormant and why; the whole state of the page is its address."""

    table_class = ReviewTable

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        if len(request.GET.getlist("sort")) > 1:
            # An address that was put together by hand: rows, heads and pages keep to one order, the last.
            request.GET = request.GET.copy()
            request.GET["sort"] = request.GET["sort"]

    def get_template_names(self) -> list[str]:
        return [f"accounts_review/review/{'_answer' if self.is_partial else 'page'}.html"]

    def get_filterset(self, filterset_class: Any = None) -> ReviewFilter:
        return filtered(self.request.GET, workspace=self.workspace, now=self.now)

    def get_filterset_class(self) -> type[ReviewFilter]:
        return ReviewFilter

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        self.filterset: ReviewFilter = self.get_filterset()
        # Only some pages ask for those who match by a query; see SeekPaginator.
        self.object_list = self.filterset.queryset
        answer: HttpResponse = self.render_to_response(self.get_context_data(filter=self.filterset))
        return answer

    @cached_property
    def tabs(self) -> list[Tab]:
        return self.filterset.tabs()

    def get_table_pagination(self, table: ReviewTable) -> dict[str, Any]:
        """The current tab knows how many rows there are, so they are not counted twice, and perhaps which."""
        # The table is given the order of the address only after it has been asked for its pages.
        order = order_named(self.request.GET.get("sort", ""))
        self.filterset.order = order.of_accounts()
        current = next((tab for tab in self.tabs if tab.is_current), None)
        count, is_capped = (current.count, current.is_capped) if current else (0, False)
        nearly_all = are_nearly_all(self.filterset)
        is_walked = nearly_all or (is_capped and self.filterset.form.cleaned_data.get("q"))
        found: dict[str, Any] = {"place": Place.asked(self.request.GET), "everyone": self.filterset.queryset}
        found["accounts"] = lambda: walked(self.filterset) if is_walked else self.filterset.matching
        found |= {"count": count, "is_capped": is_capped, "keys": self.filterset.keys}
        found["ends"] = None if nearly_all else ends_of(self.filterset)
        return found if self.request.GET.get("per_page") else found | {"per_page": self.look.per_page}

    @cached_property
    def _kept_views(self) -> list[SavedView]:
        return kept_for(self.request.user, workspace=self.workspace)

    @cached_property
    def look(self) -> ListLook:
        return ListLook.asked(self.request.GET, look_left(self._kept_views))

    def get_table_kwargs(self) -> dict[str, Any]:
        return {
            "now": self.now,
            "actor": self.request.user,
            "workspace": self.workspace,
            "look": self.look,
            "titles": self.filterset.titles,
            "exclude": () if may(self.request.user, "decide", self.workspace) else ("pick",),
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        # Before the rows are read: what is decided meanwhile was not seen.
        since = newest(self.workspace)
        context = super().get_context_data(**kwargs)
        # Where so many match that not all are counted, those who are read here may be none of those.
        rows = context["table"].paginator.count or len(context["table"].page.object_list)
        everyone = Everyone.of(self.filterset.matching) if rows and self.request.GET.get("scope") == "all" else None
        context["table"].all_chosen = everyone is not None
        context["table"].says_verdict = self.filterset.data.get("verdict", EVERYONE) == EVERYONE
        here = self.request.GET.copy()
        for passing in ("scope", "card"):
            here.pop(passing, None)
        return context | {
            "object_list": SimpleLazyObject(lambda: self.filterset.matching),
            "since": since,
            "views": views_of(self._kept_views, user=self.request.user, current=self.filterset.query),
            "look": self.look,
            "carried": carried(self.request.GET),
            "carried_items": parse_qsl(carried(self.request.GET)),
            "save_form": save_form(self.request),
            "deciding": Deciding.of(self.now, decide.latest_end(self.workspace, now=self.now)),
            "tabs": tuple(self.tabs),
            "chips": [] if self.filterset.is_default else self.filterset.chips(),
            "recent_reasons": () if self.is_partial else tuple(recent_reasons(self.workspace, by=self.request.user)),
            "says_state": not self.filterset.data.dict().items() >= DEFAULT.items(),
            "rows": rows,
            "are_more": context["table"].paginator.is_capped,
            "everyone": everyone,
            "leaving": leaving.before(leaving.leaving(everyone.keys)) if everyone else "",
            "most_at_once": MOST_AT_ONCE,
            "may_decide": may(self.request.user, "decide", self.workspace),
            "here": f"{self.request.path}?{here.urlencode()}".removesuffix("?"),
            "sort": self.request.GET.get("sort", SORTS[0][0]),
            "is_read": rows > 0 or Account.objects.filter(workspace=self.workspace).assessed().exists(),
        }


class Decide(WorkspaceView):
    """Approve, exempt or withdraw. It either happens to all the accounts or changes nothing and says why."""

    needs = "decide"

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        form = DecisionForm(request.POST, now=self.now, latest=decide.latest_end(self.workspace, now=self.now))
        if not form.is_valid():
            return self._refuse(form.problems, status=422)
        try:
            given = form.cleaned_data
            here: dict[str, Any] = {"workspace": self.workspace, "now": self.now}
            if given["scope"] == "undo":
                accounts = decided_at(given["decided_at"], actor=request.user, **here)
            elif given["scope"] == "all":
                keys = matching(given, **here)
                if len(keys) > WHILE_ONE_WAITS:
                    return self._leave_to_the_worker(keys, form)
                accounts = chosen(keys, **here)
            else:
                accounts = chosen(given["account"], **here)
            skipped = self._set_apart(accounts, form.cleaned_data)
            takes_out = form.cleaned_data["decision"] in ("exempt", "withdraw")
            left = leaving.leaving([account.pk for account in accounts]) if takes_out else {}
            self._decide([account for account in accounts if account.pk not in skipped], form)
        except decide.DecisionRefused as refused:
            return self._refuse([str(refusal) for refusal in refused.refusals], status=409)
        except (Stale, audit.Conflict, IllegalTransition) as problem:
            return self._refuse([too_late.in_words(problem)], status=409)
        self._say(form, accounts, skipped, left)
        return redirect(self._back)

    def _leave_to_the_worker(self, keys: list[int], form: DecisionForm) -> HttpResponse:
        given = form.cleaned_data
        confirmed = bulk.confirm(
            workspace=self.workspace,
            decision=given["decision"],
            accounts=keys,
            reason=reason_of(given),
            until=form.exempt_until if given["decision"] == "exempt" else None,
            actor=self.request.user,
            seen=given["seen"],
            about=given["filter"],
            now=self.now,
        )
        enqueue_bulk_decision(confirmed.pk)
        page = reverse("bulk_decision", kwargs={"workspace": self.workspace.name, "pk": confirmed.pk})
        return HttpResponse(status=204, headers={"HX-Redirect": page}) if self.is_partial else redirect(page)

    def _set_apart(self, accounts: list[Account], decision: dict[str, Any]) -> Apart:
        """Of all that match, those who cannot be approved; where none can, it is refused."""
        if decision["decision"] != "approve" or decision["scope"] != "all":
            return {}
        objections = ((account, decide.objection_to_approval(account, actor=self.request.user)) for account in accounts)
        apart = {account.pk: AccountRefusal(account.username, why) for account, why in objections if why}
        if len(apart) == len(accounts):
            raise decide.DecisionRefused(list(apart.values()))
        return apart

    def _decide(self, accounts: list[Account], form: DecisionForm) -> None:
        seen = form.cleaned_data["seen"]
        act: dict[str, Any] = {"accounts": accounts, "actor": self.request.user, "now": self.now, "seen": seen}
        match form.cleaned_data:
            case {"decision": "approve"} as given:
                decide.approve(reason=reason_of(given), **act)
            case {"decision": "exempt", "reason": reason}:
                decide.exempt(reason=reason, until=form.exempt_until, **act)
            case {"decision": "snooze", "reason": reason}:
                decide.snooze(reason=reason, **act)
            case {"reason": reason}:
                decide.withdraw(reason=reason, **act)

    def _say(
        self,
        form: DecisionForm,
        accounts: list[Account],
        skipped: Apart,
        left: dict[int, int],
    ) -> None:
        verb, names = form.cleaned_data["decision"], [str(refusal) for refusal in skipped.values()]
        context: dict[str, Any] = {
            "csrf_token": get_token(self.request),
            "said": " ".join(filter(None, (_sentence(form, len(accounts) - len(skipped)), leaving.after(left)))),
            "draft": draft_of(self.workspace) if verb == "approve" else {},
            "skipped": names[:MOST_NAMED],
            "skipped_count": len(names),
            "more": max(0, len(names) - MOST_NAMED),
            "decided_at": self.now.isoformat() if verb != "withdraw" else "",
            "back": self._back,
            "workspace": self.workspace,
        }
        # Without what every page knows: nothing of it is said here, and it would be looked up.
        messages.success(self.request, render_to_string("accounts_review/review/_decided.html", context))

    def _refuse(self, problems: list[str], *, status: int) -> HttpResponse:
        """Nothing was changed: say why, and leave ticks and fields as they are."""
        context = {
            "problems": problems[:MOST_NAMED],
            "more": max(0, len(problems) - MOST_NAMED),
            "back": self._back,
            "workspace": self.workspace,
        }
        page = "review/_refused_answer" if self.is_partial else "account/refused"
        answer = render(self.request, f"accounts_review/{page}.html", context, status=status)
        answer["HX-Reswap"] = "none"
        return answer

    @property
    def _back(self) -> str:
        """Where the person came from, if that is here."""
        review = reverse("review", kwargs={"workspace": self.workspace.name})
        return page_of_ours(self.request.POST.get("next", ""), otherwise=review)


def reason_of(decision: dict[str, Any]) -> str:
    """The reason that was given; an approval has one of its own."""
    is_plain = decision["decision"] == "approve" and not decision["reason"]
    return _("dormant under the policy") if is_plain else str(decision["reason"])


def recent_reasons(workspace: Workspace, *, by: User) -> list[str]:
    """The reasons a person gave last for an exemption, each once, the latest first."""
    given = _REASONS.rows(workspace=workspace.pk, by=by.pk)
    return list(dict.fromkeys(reason for (reason,) in given))[:MOST_RECENT]


def _sentence(form: DecisionForm, count: int) -> str:
    """What was done, with its count."""
    if form.cleaned_data["scope"] == "undo":
        said = ngettext("Undone: %(count)s account is open again.", "Undone: %(count)s accounts are open again.", count)
        return said % counted({"count": count})
    match form.cleaned_data["decision"]:
        case "approve":
            said = ngettext("%(count)s approved.", "%(count)s approved.", count)
        case "exempt":
            said = ngettext(
                "%(count)s account exempt until %(until)s.", "%(count)s accounts exempt until %(until)s.", count
            )
            return said % counted({"count": count, "until": instants.promised(form.exempt_until)})
        case "snooze":
            said = ngettext("%(count)s account snoozed.", "%(count)s accounts snoozed.", count)
        case _:
            said = ngettext("%(count)s decision withdrawn.", "%(count)s decisions withdrawn.", count)
    return said % counted({"count": count})
