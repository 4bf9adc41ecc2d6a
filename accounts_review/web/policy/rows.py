"""The cells of the policy's tables as HTML."""

from __future__ import annotations

from datetime import datetime
from html import escape

from django.urls import reverse
from django.utils.timezone import get_current_timezone
from django.utils.translation import gettext as _

from accounts_review.models import Account, Workspace
from accounts_review.web.shared import tags
from accounts_review.wording import segments, verdicts


class AccountWriter:
    """Writes cells for accounts as they are at an instant, and as they would be under a preview."""

    def __init__(self, *, now: datetime, workspace: Workspace) -> None:
        self.idleness, self.zone = verdicts.IdlenessInWords(now), get_current_timezone()
        # What all rows share is worked out once.
        self.page_of = reverse("account", kwargs={"workspace": workspace.name, "pk": 0}).removesuffix("0/")
        unknown, would_be = escape(_("not known")), escape(_("would be"))
        self.unknown = f'<span class="muted">{unknown}</span>'
        spoken = f'<span class="visually-hidden">{would_be}</span>'
        self.would_be = f'<span aria-hidden="true">→</span>{spoken}'

    def account(self, account: Account) -> str:
        """Who it is."""
        username, url = escape(account.username), f"{self.page_of}{account.pk}/"
        name, email = (escape(text) if text != account.username else "" for text in (account.full_name, account.email))
        lines = f'\n<span class="cell-line">{name}</span>' if name else ""
        lines += f'\n<span class="cell-line muted">{email}</span>' if email else ""
        return f'<a class="account-link" data-card="{url}card/" href="{url}">{username or "—"}</a>{lines}'

    def verdict_move(self, account: Account) -> str:
        """The verdict now and under the preview."""
        return self._move(tags.verdict(account.verdict), tags.verdict(account.verdict_after))

    def segment(self, account: Account) -> str:
        """The segment now."""
        return escape(segments.shown(account.assessment.segment))

    def segment_move(self, account: Account) -> str:
        """The segment now and under the preview."""
        return self._move(self.segment(account), escape(segments.shown(account.segment_after)))

    def idle(self, account: Account) -> str:
        """How long it is idle, and since when."""
        at = account.assessment.activity_at
        if at is None:
            return self.unknown
        there = at.astimezone(self.zone)
        exactly = there.isoformat(sep=" ", timespec="seconds")
        return (
            f'<time datetime="{there.isoformat()}" title="{exactly}">{self.idleness.since(at)}</time>\n'
            f'<span class="cell-line muted numeric">{self.day(at)}</span>'
        )

    def day(self, at: datetime) -> str:
        """The day of an instant."""
        return escape(self.idleness.day(at))

    def case(self, account: Account) -> str:
        """The state of the open case, if there is one."""
        return tags.case_state(account.case_state) if account.case_state else '<span class="muted">—</span>'

    def _move(self, now: str, then: str) -> str:
        return now if now == then else f"{now}\n{self.would_be}\n{then}"
