"""The launch of a draft: what it would do, and a confirmation that cannot be given by accident."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts_review.models import Cleanup, Workspace, may
from accounts_review.rules.lifecycle import CaseState, CleanupState
from accounts_review.tasks import actions, queue
from accounts_review.web.cleanups.basket import Basket
from accounts_review.web.cleanups.checks import checks
from accounts_review.web.cleanups.forms import LaunchForm
from accounts_review.web.cleanups.second_person import waiting_of
from accounts_review.web.cleanups.views import GOES_ON, NOT_NOW, TURNED, CleanupView
from accounts_review.web.shared import too_late
from accounts_review.wording import findings
from accounts_review.wording.numbers import counted
from accounts_review.workflow.launch import launch


class Launch(CleanupView):
    """What a launch would do, in words and numbers, and a typed confirmation."""

    needs = "operate"
    template_name = "accounts_review/cleanups/launch.html"

    def harm(self, request: HttpRequest, **kwargs: Any) -> str | Promise:
        return GOES_ON["confirm"] if self.is_waiting else gettext_lazy("Launch the clean-up")

    @property
    def is_waiting(self) -> bool:
        """Whether it was launched, and a second person has to confirm it: they see the same page."""
        return self.cleanup.state == CleanupState.AWAITING_CONFIRMATION

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self._page(self._basket()) if self.cleanup.is_draft or self.is_waiting else self.to_page()

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                # Held, so that what is launched is what the page has shown.
                Workspace.objects.select_for_update(no_key=True).get(pk=self.workspace.pk)
                return self._launch()
        except NOT_NOW as refusal:
            messages.error(request, too_late.in_words(refusal))
            return self.to_page()

    def _launch(self) -> HttpResponse:
        self.cleanup.refresh_from_db()
        basket = self._basket()
        count = basket.count
        form = LaunchForm(self.request.POST, expected=count)
        changes = _changes(before=str(self.request.POST.get("shown", "")), after=_shown(self.cleanup))
        is_open = self.cleanup.is_draft or self.is_waiting
        if is_open and changes:
            return self._page(basket, changes=changes, status=409)
        if is_open and not form.is_valid():
            return self._page(basket, form=form)
        if self.is_waiting:
            launch.confirm(cleanup=self.cleanup, actor=self.request.user, now=self.now)
            messages.success(self.request, str(TURNED["confirm"]))
        else:
            launch.launch(cleanup=self.cleanup, actor=self.request.user, now=self.now)
            messages.success(self.request, self._launched(count))
        queue.wake(self.workspace)
        # Administrators hear of it, and a second person is asked, at once.
        queue.enqueue_alert()
        return self.to_page()

    def _launched(self, count: int) -> str:
        launched = ngettext(
            "Clean-up %(number)d was launched with %(count)s account.",
            "Clean-up %(number)d was launched with %(count)s accounts.",
            count,
        )
        return launched % counted({"number": self.cleanup.number, "count": count})

    def _basket(self) -> Basket:
        return Basket(cleanup=self.cleanup, actor=self.request.user, now=self.now, pace=actions.pace())

    def _page(self, basket: Basket, *, form: LaunchForm | None = None, status: int = 200, **more: Any) -> HttpResponse:
        count, found = basket.count, checks(basket)
        context = more | {
            "form": form or LaunchForm(expected=count, initial={"shown": _shown(self.cleanup)}),
            "basket": basket,
            "count": count,
            "refusal": findings.in_words(basket.room.objection),
            "segments": basket.segments,
            "policy": basket.version,
            "checks": [check for check in found if check.level != "ok"],
            "passed": sum(check.level == "ok" for check in found),
            "may_decide": self.cleanup.is_draft and may(self.request.user, "decide", self.workspace),
            "is_live": basket.is_live,
            "waves": basket.waves,
            "calendar": basket.calendar,
            "waiting": waiting_of(self.cleanup, actor=self.request.user, now=self.now) if self.is_waiting else None,
        }
        return self.render_to_response(self.get_context_data(**context), status=status)


def _shown(cleanup: Cleanup) -> str:
    """What a preview rests on: the cases of the draft, the mode and the policy."""
    cases = cleanup.cases.filter(state=CaseState.IN_DRAFT).aggregate(count=Count("pk"), last=Max("pk"))
    workspace = Workspace.objects.get(pk=cleanup.workspace_id)
    return "/".join(map(str, (cases["count"], cases["last"], workspace.mode, workspace.current_policy.number)))


def _changes(*, before: str, after: str) -> list[str]:
    """What differs between the page that was shown and now, in words; empty where nothing does."""
    if before == after:
        return []
    then, now = before.split("/"), after.split("/")
    if len(then) != len(now):
        return [_("The form was incomplete. Reload the page and try again.")]
    said = [
        _("The draft had %(then)s accounts; it now has %(now)s.") % counted({"then": then[0], "now": now[0]}),
        _("The draft now contains other accounts."),
        _("The mode changed from %(then)s to %(now)s.") % {"then": _mode(then[2]), "now": _mode(now[2])},
        _("The policy changed from version %(then)s to %(now)s.") % {"then": then[3], "now": now[3]},
    ]
    changed = [sentence for sentence, old, new in zip(said, then, now, strict=True) if old != new]
    return [sentence for sentence in changed if sentence != said[1] or said[0] not in changed]


def _mode(code: str) -> str:
    """A mode as the page names it; the code comes back from the browser and may be anything."""
    labels = {mode.value: str(mode.label).lower() for mode in Workspace.Mode}
    return labels.get(code, code)
