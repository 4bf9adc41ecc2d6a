"""The cells of a clean-up's cases as HTML."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from html import escape

from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from accounts_review.models import Case, Cleanup, Workspace
from accounts_review.rules.dormancy import Verdict, verdict_at
from accounts_review.rules.lifecycle import CaseState
from accounts_review.web.shared import tags
from accounts_review.wording import instants, reasons, replies, segments
from accounts_review.wording.cases import of_answer, of_case, of_evidence

REMEMBERED = 4096


class CaseWriter:
    """Writes cells for cases, of whatever clean-up."""

    def __init__(self, workspace: Workspace) -> None:
        # What all rows share is worked out once.
        self.accounts = reverse("account", kwargs={"workspace": workspace.name, "pk": 0}).removesuffix("0/")
        self.dated = lru_cache(REMEMBERED)(_dated)
        self.cells: dict[str, Callable[[Case], str]] = {"account": self._account, "approved_at": self._approval}

    def _account(self, case: Case) -> str:
        account = case.account
        username = escape(account.username)
        beside = [text for text in (account.full_name, account.email) if text and text != account.username]
        lines = "".join(f'\n<div class="muted small breakable">{escape(text)}</div>' for text in beside)
        return f'<a class="fw-semibold breakable" href="{self.accounts}{account.pk}/">{username}</a>{lines}'

    def _approval(self, case: Case) -> str:
        at = f'<span class="muted text-nowrap" title="{_exactly(case.approved_at)}">'
        said = f"<div>{escape(case.approved_by_login)} {at}{escape(self.dated(case.approved_at, 'j M Y'))}</span></div>"
        if case.put_by_login:
            put = _("added to the draft by %(login)s") % {"login": case.put_by_login}
            said += f'\n<div class="small muted">{escape(put)}</div>'
        why = escape(reasons.told(case.reason))
        return f'{said}\n<div class="small muted breakable">{why}</div>' if why else said

    def _back(self, case: Case) -> str:
        """How a person who was removed is back; "" where they are not."""
        if case.restored_by and case.restored_at:
            at, sentence = case.restored_at, _("invited back %(day)s by %(login)s")
        elif case.returned_at:
            at, sentence = case.returned_at, _("came back %(day)s")
        else:
            return ""
        said = escape(sentence % {"day": self.dated(at, "j M Y"), "login": case.restored_by})
        return f'<time datetime="{localtime(at).isoformat()}" title="{_exactly(at)}">{said}</time>'


class RevokedWriter(CaseWriter):
    """Writes cells for those who were revoked, in whatever clean-up."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        cleanup = {"workspace": workspace.name, "number": 0}
        self.cleanups = reverse("cleanup", kwargs=cleanup).removesuffix("0/")
        no = escape(_("no"))
        self.cells |= {
            "cleanup": self._cleanup,
            "segment": lambda case: escape(segments.shown(case.evidence.get("segment") or "")) or "—",
            "moved_at": lambda case: escape(self.dated(case.moved_at, "j M Y, H:i")),
            "back": lambda case: self._back(case) or f'<span class="muted">{no}</span>',
        }

    def _cleanup(self, case: Case) -> str:
        number = case.cleanup.number
        named = escape(_("Clean-up %(number)d") % {"number": number})
        return f'<a class="fw-semibold text-nowrap" href="{self.cleanups}{number}/">{named}</a>'


class CleanupCaseWriter(CaseWriter):
    """Writes cells for the cases of one clean-up, as they are at an instant."""

    def __init__(self, *, now: datetime, workspace: Workspace, cleanup: Cleanup) -> None:
        super().__init__(workspace)
        self.now = now
        case = {"workspace": workspace.name, "number": cleanup.number, "pk": 0}
        self.cases = reverse("case", kwargs=case).removesuffix("0/")
        self.details, self.response, self.trace = (
            escape(label) for label in (_("Details"), _("Server response"), _("trace"))
        )
        self.take_out, self.take_whom = escape(_("Take out")), _("Take %(name)s out of the draft")
        self.spared = escape(_("now; it would be spared"))
        self.cells |= {
            "state": self._state,
            "fate": self._fate,
            "promised_at": self._promised_at,
            "answer": self._answer,
            "evidence": self._evidence,
            "withdraw": self._withdraw,
        }

    def _state(self, case: Case) -> str:
        spoken = f'<span class="visually-hidden">: {escape(case.account.username)}</span>'
        return (
            f'{tags.case_state(case.state)}\n<a class="small target d-block no-print" href="{self.cases}{case.pk}/">'
            f"{self.details}{spoken}</a>"
        )

    def _fate(self, case: Case) -> str:
        said = escape(of_case(case, now=self.now))
        if answer := of_answer(case):
            said += f'\n<div class="small muted breakable">{escape(answer)}</div>'
        if case.state == CaseState.REVOKED:
            said += f'\n<div class="small mt-1">{self._back(case)}</div>'
        return said

    def _promised_at(self, case: Case) -> str:
        return _promised(case.promised_at) if case.promised_at else "—"

    def _answer(self, case: Case) -> str:
        """What the last look saw, and what the API replied."""
        seen, outcome = case.last_look or {}, case.outcome or {}
        looked_at, activity_at = _instant(seen.get("at")), _instant(seen.get("activity_at"))
        words = replies.words_of(case.outcome)
        parts = [
            escape(str(outcome[name])) if outcome.get(name) else "" for name in ("status", "error_code", "trace_id")
        ]
        said = ""
        if looked_at:
            checked = escape(_("checked %(at)s") % {"at": self.dated(looked_at, "j M Y, H:i")})
            used = _("invited %(date)s") if seen.get("activity_field") == "joined_at" else _("last active %(date)s")
            active = used % {"date": self.dated(activity_at, "j M Y")} if activity_at else ""
            beside = f'\n<div class="muted small">{escape(active)}</div>' if active else ""
            said = f'<div title="{_exactly(looked_at)}">{checked}{beside}</div>'
        elif not any(parts):
            said = "—"
        return f"{said}\n{self._reply(words, *parts)}" if words or any(parts) else said

    def _reply(self, words: str, status: str, error_code: str, trace_id: str) -> str:
        """What a server replied, word for word."""
        quoted = f'<q dir="auto">{escape(words)}</q>' if words else ""
        http = f"HTTP {status}" if status else ""
        code = f"<code>{error_code}</code>" if error_code else ""
        trace = f"{self.trace} <code>{trace_id}</code>" if trace_id else ""
        said = "\n".join(filter(None, (quoted, http, code, trace)))
        return f'<details class="small muted breakable">\n<summary>{self.response}</summary>\n{said}\n</details>'

    def _evidence(self, case: Case) -> str:
        """What the approver saw, and whether it still holds."""
        said, found = escape(of_evidence(case.evidence, now=self.now)), case.account.assessment
        verdict = verdict_at(standing=found.standing, dormant_from=found.dormant_from, now=self.now)
        if verdict == Verdict.DORMANT:
            return said
        return f'{said}\n<div>{tags.verdict(verdict)}\n<span class="small">{self.spared}</span></div>'

    def _withdraw(self, case: Case) -> str:
        """Takes one account out of the draft, through the form called "withdraw"."""
        label = escape(self.take_whom % {"name": case.account.username})
        return (
            f'<button class="btn btn-sm btn-quiet" form="withdraw" name="case" value="{case.pk}" aria-label="{label}">'
            f"{self.take_out}</button>"
        )


def _dated(at: datetime, layout: str) -> str:
    return instants.dated(localtime(at), layout)


def _promised(at: datetime) -> str:
    return f'<span title="{_exactly(at)}">{escape(instants.promised(at))}</span>'


def _exactly(at: datetime) -> str:
    return localtime(at).isoformat(sep=" ", timespec="seconds")


def _instant(stored: object) -> datetime | None:
    try:
        return parse_datetime(stored) if isinstance(stored, str) else None
    except ValueError:
        return None
