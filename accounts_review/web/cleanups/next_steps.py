"""Next steps: the cases of a clean-up that wait for a person, or can be tried again, and what may be done with each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.fields.json import KT
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review.models import Account, Case, Cleanup, Workspace, may
from accounts_review.models.cleanup import UNDONE
from accounts_review.rules.dormancy import Verdict
from accounts_review.rules.lifecycle import WITHDRAWABLE, CaseState, CleanupState
from accounts_review.web.cleanups.progress import first
from accounts_review.wording.cases import of_case
from accounts_review.workflow.revoke.by_hand import A_WHILE

SHOWN = 50
AGAIN = frozenset({CaseState.REFUSED, CaseState.WOULD_REVOKE, CaseState.SPARED, CaseState.WITHDRAWN})
"""How a case can end with its account still there."""

ACTS: Mapping[str, tuple[frozenset[CaseState], str]] = {
    "bounced": (frozenset({CaseState.AWAITING_NOTICE, CaseState.NOTICED, CaseState.DUE, CaseState.REVOKED}), "operate"),
    "retry": (frozenset({CaseState.UNDELIVERABLE}), "operate"),
    "withdraw": (WITHDRAWABLE, "decide"),
    "again": (AGAIN, "decide"),
    "gone": (frozenset({CaseState.UNKNOWN}), "administer"),
    "there": (frozenset({CaseState.UNKNOWN}), "administer"),
}
"""Each act with the states it can be done in and the permission it takes; the stages ask for both again."""

LABELS = {
    "retry": gettext_lazy("Send the notice again"),
    "withdraw": gettext_lazy("Withdraw; they keep access"),
    "again": gettext_lazy("Put into the next draft"),
}


@dataclass(frozen=True, slots=True)
class NextStepRow:
    """A case, why it stands here, and what is to be known before something is done."""

    case: Case
    why: str
    note: str = ""
    can_act: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Cases with the same thing to do about them; ``rows`` shows the first of them.

    ``name`` says which ones "all of them" are: those in a state, or ``again``.
    """

    name: str
    title: str
    advice: str
    count: int
    rows: list[NextStepRow]
    acts: list[str] = field(default_factory=list)

    @property
    def buttons(self) -> list[tuple[str, str]]:
        return [(act, str(LABELS[act])) for act in self.acts]


def next_steps(cleanup: Cleanup, *, actor: User, now: datetime, only: Case | None = None) -> list[Step]:
    """What waits for a person first, then what can be done again; of all cases, or of one."""
    cases = cleanup.cases.select_related("account", "cleanup__workspace")
    standing = {only.state} if only else cleanup.tally().keys()
    cases = cases.filter(pk=only.pk) if only else cases
    free, found = again(cases, actor=actor, now=now), list[Step]()
    if CaseState.UNDELIVERABLE in standing:
        found.append(_undeliverable(cleanup, cases.filter(state=CaseState.UNDELIVERABLE), actor=actor, now=now))
    if CaseState.REFUSED in standing:
        found.append(_refused(cleanup, cases.filter(state=CaseState.REFUSED), free, actor=actor, now=now))
    if CaseState.UNKNOWN in standing:
        found.append(
            _unknown(cleanup, cases.filter(state=CaseState.UNKNOWN), actor=actor, now=now, only=only is not None)
        )
    if (
        AGAIN & standing
        and (step := _again(cleanup, free.exclude(state=CaseState.REFUSED), actor=actor, now=now)).count
    ):
        found.append(step)
    return found


def again(cases: QuerySet[Case], *, actor: User, now: datetime) -> QuerySet[Case]:
    """Those that ended with the account still there, dormant and in no clean-up, so that it can be approved again."""
    accounts = Account.objects.filter(pk__in=cases.values("account")).listed().assessed().with_verdict(now)
    free = (
        accounts.whose_verdict(Verdict.DORMANT, now=now)
        .filter(Q(("case_state", None)))
        .exclude(username=actor.get_username())
    )
    if actor.email:
        free = free.exclude(email__iexact=actor.email)
    return cases.filter(state__in=AGAIN, account__in=free.values("pk")).exclude(UNDONE)


def _undeliverable(cleanup: Cleanup, cases: QuerySet[Case], *, actor: User, now: datetime) -> Step:
    # Those whose address is another one by now can be warned at once, so they come first.
    is_same = ExpressionWrapper(Q(account__email=KT("evidence__email")), BooleanField())
    ranked = cases.alias(is_same=is_same).order_by("is_same", "moved_at", "pk")
    rows = [NextStepRow(case, of_case(case, now=now), _address(case)) for case in first(ranked, SHOWN)]
    return Step(
        name="undeliverable",
        title=_("Could not be warned"),
        advice=_(
            "Nobody loses access without a delivered notice. Correct the address in Huwise, sync and send the notice "
            "again, or withdraw the account from this clean-up."
        ),
        count=cases.count(),
        rows=rows,
        acts=_allowed(("retry", "withdraw"), actor, cleanup.workspace),
    )


def _unknown(cleanup: Cleanup, cases: QuerySet[Case], *, actor: User, now: datetime, only: bool) -> Step:
    rows = [
        NextStepRow(case, _rechecks(case), can_act=False) for case in first(cases.order_by("moved_at", "pk"), SHOWN)
    ]
    is_overdue = bool(rows) and now - rows[0].case.moved_at >= A_WHILE
    advice = _(
        "Nothing to do; nothing is sent again. Each account is checked twice. If it is gone, that is recorded; if "
        "it is still there, it is checked again from the start."
    )
    if cleanup.state == CleanupState.CANCELLED:
        advice = _(
            "Nothing to do; nothing is sent again. Each account is checked twice. If it is gone, that is recorded; if "
            "it is still there, it keeps its access."
        )
    if is_overdue:
        advice = _(
            "No check has settled this so far, and nothing is sent again. Look for the account in Huwise; an "
            "administrator then says on its page in this clean-up whether it is gone or still there."
        )
    return Step(
        name="unknown",
        title=_("Outcome unknown"),
        advice=advice,
        count=cases.count(),
        rows=rows,
        acts=_allowed(("gone", "there"), actor, cleanup.workspace) if only and is_overdue else [],
    )


def _refused(cleanup: Cleanup, cases: QuerySet[Case], free: QuerySet[Case], *, actor: User, now: datetime) -> Step:
    can_act = set(free.filter(state=CaseState.REFUSED).values_list("pk", flat=True))
    ranked = first(cases.order_by("moved_at", "pk"), SHOWN)
    rows = [
        NextStepRow(
            case,
            of_case(case, now=now),
            "" if case.pk in can_act else _("It is in a clean-up again, or there is nothing left to do."),
            can_act=case.pk in can_act,
        )
        for case in ranked
    ]
    return Step(
        name="refused",
        title=_("Refused by the workspace"),
        advice=_(
            "The workspace refused, so the account still has its access, and nothing is sent again. Once the cause is "
            "fixed, put the account into the next draft. It starts over, with a new notice and a new final check."
        ),
        count=cases.count(),
        rows=rows,
        acts=_allowed(("again",), actor, cleanup.workspace) if can_act else [],
    )


def _again(cleanup: Cleanup, free: QuerySet[Case], *, actor: User, now: datetime) -> Step:
    advice = _(
        "A closed case is never reopened. Approve the account again; it starts over in the next draft, with a new "
        "notice and a new final check."
    )
    if cleanup.dry_run:
        advice = _(
            "To do it for real, put them into the next draft and launch it once an administrator has made the "
            "workspace live. Each person gets a notice, and each account a final check."
        )
    return Step(
        name="again",
        title=_("Still dormant and in no clean-up"),
        advice=advice,
        count=free.count(),
        rows=[NextStepRow(case, of_case(case, now=now)) for case in first(free.order_by("state", "pk"), SHOWN)],
        acts=_allowed(("again",), actor, cleanup.workspace),
    )


def _allowed(acts: Sequence[str], actor: User, workspace: Workspace) -> list[str]:
    return [act for act in acts if may(actor, ACTS[act][1], workspace)]


def _address(case: Case) -> str:
    then, today = str(case.evidence.get("email", "")), case.account.email
    if then == today:
        return _("The address is still %(address)s.") % {"address": today}
    return _("The address is now %(address)s; at the approval it was %(before)s.") % {
        "address": today,
        "before": then or "—",
    }


def _rechecks(case: Case) -> str:
    found = {"absent": _("gone"), "present": _("still there"), "re-created": _("another account with that name")}
    read = [found.get(str(recheck.get("found")), "?") for recheck in case.rechecks]
    return _("checked so far: %(results)s") % {"results": ", ".join(read)} if read else _("not checked yet")
