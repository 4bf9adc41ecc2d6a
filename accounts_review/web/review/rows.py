"""The rows of the review table as HTML.

Written here and not in a template, which took five times as long: 480 µs a row, of which a page has up to 200.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from datetime import datetime
from functools import cache
from html import escape

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import get_current_timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts_review.models import Account, Workspace
from accounts_review.models.cleanup import CASE_LABELS
from accounts_review.rules.dormancy import Verdict
from accounts_review.rules.lifecycle import WITHDRAWABLE, CaseState
from accounts_review.wording import segments, verdicts
from accounts_review.wording.quotes import joined
from accounts_review.workflow.review.decide import is_own

BAR = 100
"""The length of the bar beside *idle for*; the limit is its middle."""


class RowWriter:
    """Writes rows for one person, as the accounts (asked for ``with_verdict``) are at an instant.

    ``columns`` are shown beside the name; ``picks`` says whether there are boxes to tick, ``is_all`` whether everybody
    is ticked, ``says_verdict`` whether the verdict is among the states.
    """

    def __init__(
        self,
        *,
        now: datetime,
        actor: User,
        workspace: Workspace,
        titles: Mapping[str, str],
        columns: Sequence[str],
        picks: bool,
        is_all: bool,
        says_verdict: bool,
    ) -> None:
        # A request has a stand-in that looks up who it stands for at each question: two of a row.
        self.now, self.actor, self.titles = now, copy(actor), titles
        self.is_all, self.says_verdict = is_all, says_verdict
        self.zone = get_current_timezone()
        self.idleness = verdicts.IdlenessInWords(now)
        # What all rows share is worked out once.
        self.page_of = reverse("account", kwargs={"workspace": workspace.name, "pk": 0}).removesuffix("0/")
        self.own, self.invited, self.unknown = _("this is you"), _("invited"), _("not known")
        self.dormant_from, self.select = _("dormant from"), _("Select %(name)s")
        self.rights_unknown = _("rights not known")
        self.rights_counted, self.groups_counted = cache(_rights_counted), cache(_groups_counted)
        self.verdict, self.case, self.exemption = cache(_verdict), cache(_case), cache(verdicts.exemption)
        cells: dict[str, Callable[[Account], str]] = {
            "email": self._email,
            "activity": self._activity,
            "dormant_from": self._dormant_from,
            "segment": self._segment,
            "rights": self._rights,
            "state": self._state,
        }
        self.cells = [*([self._pick] if picks else []), self._account, *(cells[name] for name in columns)]

    def row(self, account: Account) -> SafeString:
        """One account as a row."""
        cells = "\n".join([cell(account) for cell in self.cells])
        return mark_safe(f'<tr id="row-{account.pk}" tabindex="-1">\n{cells}\n</tr>\n')  # noqa: S308 (escaped below)

    def _pick(self, account: Account) -> str:
        label, key = escape(self.select % {"name": account.username}), account.pk
        is_under_way = account.case_state and account.case_state != CaseState.IN_DRAFT
        is_decided = account.exempt_until or account.snoozed_by or account.case_state in WITHDRAWABLE
        more = ("data-under-way " if is_under_way else "") + ("data-decided " if is_decided else "")
        more += "checked disabled" if self.is_all else "disabled" if is_own(account, self.actor) else ""
        return (
            '<td class="cell-pick"><label class="pick"><input type="checkbox" class="form-check-input" name="account"'
            f' id="pick-{key}" value="{key}" aria-label="{label}" {more}></label></td>'
        )

    def _account(self, account: Account) -> str:
        username, url = escape(account.username), f"{self.page_of}{account.pk}/"
        name, email = (escape(text) if text != account.username else "" for text in (account.full_name, account.email))
        title = " · ".join(filter(None, (username, name, email)))
        own = f'<span class="tag">{escape(self.own)}</span>' if is_own(account, self.actor) else ""
        address = f'<span class="who-email">{email}</span>' if email else ""
        return (
            f'<td class="cell-account" title="{title}">'
            f'<a class="account-link" data-card="{url}card/" href="{url}">{username or "—"}</a> {own} '
            f'<span class="who muted">{name} {address}</span></td>'
        )

    def _email(self, account: Account) -> str:
        email = escape(account.email)
        return f'<td class="cell-email" title="{email}">{email}</td>'

    def _activity(self, account: Account) -> str:
        found = account.assessment
        said, at = escape(self.idleness.of(found)), found.activity_at
        spoken = f'<span class="visually-hidden">{said}</span>'
        if at is None:
            unknown = f'<span class="muted">{escape(self.unknown)}</span>'
            return f'<td class="cell-idle" title="{said}">{unknown} {spoken}</td>'
        there = at.astimezone(self.zone)
        exactly = there.isoformat(sep=" ", timespec="seconds")
        title = f"{said} · {exactly} · {escape(self.dormant_from)} {self._exactly(found.dormant_from)}"
        is_invited = found.activity_field == "joined_at"
        invited = f'<span class="muted small">{escape(self.invited)}</span>' if is_invited else ""
        bar = min(BAR, max(0, (self.now - at).days) * BAR // (2 * max(1, found.limit_days)))
        return (
            f'<td class="cell-idle" title="{title}">'
            f'<time class="numeric" datetime="{there.isoformat()}">'
            f"{self.idleness.since(at)}</time> {invited} "
            f'<svg class="idle-bar{" is-past" if bar >= BAR // 2 else ""}" viewBox="0 0 {BAR} 4"'
            f' preserveAspectRatio="none" aria-hidden="true"><rect class="idle-track" width="{BAR}" height="4" />'
            f'<rect class="idle-length" width="{bar}" height="4" />'
            f'<rect class="idle-limit" x="49.5" width="1" height="4" /></svg> {spoken}</td>'
        )

    def _dormant_from(self, account: Account) -> str:
        found = account.assessment
        if found.activity_at is None:
            return '<td class="cell-from"></td>'
        at = found.dormant_from.astimezone(self.zone)
        exactly = at.isoformat(sep=" ", timespec="seconds")
        return (
            f'<td class="cell-from"><time class="numeric" datetime="{at.isoformat()}"'
            f' title="{exactly}">{escape(self.idleness.day(at))}</time></td>'
        )

    def _segment(self, account: Account) -> str:
        name = escape(segments.shown(account.assessment.segment))
        return f'<td class="cell-segment" title="{name}">{name}</td>'

    def _rights(self, account: Account) -> str:
        rights, groups = account.assessment.rights, [self.titles.get(uid, uid) for uid in account.groups or ()]
        granted = ""
        if rights is None:
            granted = f'<span class="muted">{escape(self.rights_unknown)}</span>'
        elif rights:
            granted = _grant(self.rights_counted(len(rights)), rights)
        if groups:
            granted += " " + _grant(self.groups_counted(len(groups)), groups, "grant-group")
        return f'<td class="cell-rights">{granted}</td>'

    def _state(self, account: Account) -> str:
        tags = []
        # That it is exempt says that it is protected, and why; a narrow column ends behind the first tag.
        is_kept = account.exempt_until and account.verdict == Verdict.PROTECTED
        if self.says_verdict and not is_kept:
            tags.append(self.verdict(account.verdict))
        if account.case_state:
            tags.append(self.case(account.case_state))
        if account.exempt_until:
            title = f' title="{self._exactly(account.exempt_until)}"'
            tags.append(_tag(self.exemption(account.exempt_until), look="protected", more=title))
        if account.snoozed_by:
            tags.append(_tag(_("snoozed by %(login)s") % {"login": account.snoozed_by}))
        given = account.assessment.reasons
        if why := verdicts.in_force(given, verdict=account.verdict, exempt_until=None):
            reasons = escape(joined(why))
            tags.append(f'<span class="reason muted" title="{reasons}">{reasons}</span>')
        return f'<td class="cell-state">{" ".join(tags)}</td>'

    def _exactly(self, at: datetime) -> str:
        return at.astimezone(self.zone).isoformat(sep=" ", timespec="seconds")


def _rights_counted(count: int) -> str:
    return ngettext("%(count)s right: %(names)s", "%(count)s rights: %(names)s", count)


def _groups_counted(count: int) -> str:
    return ngettext("%(count)s group: %(names)s", "%(count)s groups: %(names)s", count)


def _grant(counted: str, names: Sequence[str], look: str = "") -> str:
    """Rights or groups: the first, how many more, and all of them on hover."""
    title = escape(counted % {"count": len(names), "names": ", ".join(names)})
    more = f' <span class="grant-more">+{len(names) - 1}</span>' if len(names) > 1 else ""
    classes = f"grant {look}".strip()
    return f'<span class="{classes}" title="{title}"><span class="grant-text">{escape(names[0])}</span>{more}</span>'


def _verdict(verdict: str) -> str:
    return _tag(verdicts.verdict(verdict), look=verdict)


def _case(state: str) -> str:
    return _tag(str(CASE_LABELS[CaseState(state)]), look=state)


def _tag(text: str, *, look: str = "", more: str = "") -> str:
    classes = f"tag tag-{escape(look)}" if look else "tag"
    return f'<span class="{classes}"{more}>{escape(text)}</span>'
