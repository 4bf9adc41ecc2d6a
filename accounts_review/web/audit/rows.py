"""The rows of the audit's table as HTML.

Written here and not in a template, which took ten times as long: of 100 rows, more than all else of the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import msgspec
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import get_current_timezone, localtime
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from accounts_review.audit import sentences
from accounts_review.models import AuditEntry, Workspace
from accounts_review.wording import instants, labels


class EntryWriter:
    """Writes rows for the audit of a workspace. A row is an act: one entry, or several that follow each other."""

    def __init__(self, workspace: Workspace) -> None:
        # What all rows share is worked out once.
        of = {"workspace": workspace.name}
        self.audit = reverse("audit", kwargs=of)
        self.accounts = reverse("account", kwargs=of | {"pk": 0}).removesuffix("0/")
        self.cleanups = reverse("cleanup", kwargs=of | {"number": 0}).removesuffix("0/")
        self.then = reverse("known_then", kwargs=of | {"pk": 0, "seq": 0})
        self.then = self.then.removeprefix(f"{self.accounts}0").removesuffix("0/")
        self.labels = [escape(label) for label in (_("No."), _("When"), _("Who"), _("What"), _("About"))]
        self.known, self.digest, self.previous = _("what was known"), _("digest"), _("previous")
        self.of, self.numbered = labels.colon(), _("%(name)s, entry %(seq)s")
        self.spoken, self.cleanup = _("details of entry %(seq)s"), _("Clean-up %(number)s")
        self.names: dict[str, str] = {}
        self.zone, self.language = get_current_timezone(), get_language()

    def row(self, act: Sequence[AuditEntry], *, said: str) -> SafeString:
        """One act, which is ``said`` so, as a row."""
        at = instants.exact(act[0].at, self.zone, self.language)
        kinds = ("whole", "whole", "whole", "cell-entry", "cell-entry_subject")
        cells = (self._numbers(act), escape(at), escape(act[0].actor) or "—", self._what(act, said), self._about(act))
        columns = zip(kinds, self.labels, cells, strict=True)
        written = "\n".join([f'<td class="{kind}" data-label="{label}">{cell}</td>' for kind, label, cell in columns])
        return mark_safe(f"<tr>\n{written}\n</tr>\n")  # noqa: S308 (escaped where it is written)

    def _numbers(self, act: Sequence[AuditEntry]) -> str:
        last = f'\n<span class="muted">– {act[-1].seq}</span>' if len(act) > 1 else ""
        return f'<a class="target" href="{self.audit}?seq={act[0].seq}">{act[0].seq}</a>{last}'

    def _what(self, act: Sequence[AuditEntry], said: str) -> str:
        entry, then = act[0], ""
        if len(act) == 1:
            said = sentences.with_evidence(entry, said)
            if sentences.is_weighed(entry):
                address = f"{self.accounts}{entry.account_id}{self.then}{entry.seq}/"
                whose = self.numbered % {"name": entry.subject or _account(entry), "seq": entry.seq}
                hidden = f'<span class="visually-hidden">{escape(self.of + whose)}</span>'
                then = f'\n<a class="small" href="{address}">{escape(self.known)}{hidden}</a>'
        if entry.kind not in self.names:
            self.names[entry.kind] = escape(sentences.name_of(entry))
        spoken = escape(self.spoken % {"seq": entry.seq})
        return (
            f'<div class="breakable">{escape(said)}</div>{then}\n<details class="entry-details">\n<summary>'
            f'{self.names[entry.kind]} <span class="visually-hidden">{spoken}</span></summary>\n'
            f'<pre tabindex="0"><code>{escape(_details(entry))}</code></pre>\n<dl class="facts small">\n'
            f"<dt>{escape(self.digest)}</dt>\n<dd><code>{entry.digest}</code></dd>\n"
            f"<dt>{escape(self.previous)}</dt>\n<dd><code>{entry.previous}</code></dd>\n</dl>\n</details>"
        )

    def _about(self, act: Sequence[AuditEntry]) -> str:
        entry = act[0]
        about = self._folded(act) if len(act) > 1 else self._account(entry)
        if entry.cleanup:
            said = escape(self.cleanup % {"number": entry.cleanup})
            about += f'\n<a class="text-nowrap target" href="{self.cleanups}{entry.cleanup}/">{said}</a>'
        elif entry.account_id is None:
            about += f'\n<span class="muted">{escape(entry.workspace)}</span>'
        return about

    def _folded(self, act: Sequence[AuditEntry]) -> str:
        if act[0].account_id is not None:
            said = ngettext("%(count)s account", "%(count)s accounts", len(act))
        else:
            said = ngettext("%(count)s entry", "%(count)s entries", len(act))
        lines = "\n".join(f"<li>{self._of_many(entry)}</li>" for entry in act)
        summary = escape(said % {"count": len(act)})
        return f'<details>\n<summary>{summary}</summary>\n<ul class="list-unstyled mb-0">\n{lines}\n</ul>\n</details>'

    def _of_many(self, entry: AuditEntry) -> str:
        number = f'<a class="target muted" href="{self.audit}?seq={entry.seq}">{entry.seq}</a>'
        return f"{number} {self._account(entry)}"

    def _account(self, entry: AuditEntry) -> str:
        if entry.account_id is None:
            return ""
        address = f"{self.accounts}{entry.account_id}/"
        return f'<a class="breakable target" href="{address}">{escape(entry.subject) or _nameless(entry)}</a>'


def _nameless(entry: AuditEntry) -> str:
    """Whom an entry is about where no name stands any more."""
    if entry.erased_at:
        erased = _("erased on %(date)s") % {"date": instants.dated(localtime(entry.erased_at), "j F Y")}
        return f'<span class="muted">{escape(erased)}</span>'
    return escape(_account(entry))


def _account(entry: AuditEntry) -> str:
    return _("account %(number)s") % {"number": entry.account_id}


def _details(entry: AuditEntry) -> str:
    """All that an entry holds, laid out."""
    return msgspec.json.format(msgspec.json.encode(entry.details, order="sorted"), indent=2).decode()
