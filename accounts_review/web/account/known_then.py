"""What was known of an account when an entry of the audit about it was written: facts, rights, policy and history.

Everything on the page is read from the audit up to that entry, so that nothing learned later can stand there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django.views.generic import TemplateView

from accounts_review.audit import sentences
from accounts_review.audit.events import Event
from accounts_review.audit.verification.actors import PROGRAMS, role_then
from accounts_review.models import AuditEntry, PolicyVersion, Role
from accounts_review.web.account.timeline import of_entries
from accounts_review.web.account.views import NEWEST_ENTRIES, OneAccount
from accounts_review.wording import policies
from accounts_review.wording.cases import of_evidence


class KnownThen(OneAccount, TemplateView):
    """The page of one entry about an account; those that weigh something lead to it."""

    template_name = "accounts_review/account/known_then.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        entry, seen = self._entry, self._seen
        before = self._entries.filter(seq__lt=entry.seq)
        context: dict[str, Any] = {
            "account": self.account,
            "entry": entry,
            "said": sentences.of_entry(entry),
            "role": self._role(),
            "seen": seen,
            "look": entry.data.get("last_look") or {},
            "timeline": of_entries(before[:NEWEST_ENTRIES]),
            "later": self._entries.filter(seq__gt=entry.seq).count(),
        }
        if seen:
            context |= self._facts(seen.details)
        version = self._version(seen.data.get("policy") if seen else None)
        if version:
            context |= {"version": version, "clauses": policies.in_words(version.rules)}
        return self.render_to_response(self.get_context_data(**context))

    @cached_property
    def _entries(self) -> Any:
        return AuditEntry.objects.filter(account_id=self.account.pk)

    @cached_property
    def _entry(self) -> AuditEntry:
        entry: AuditEntry = get_object_or_404(self._entries, seq=self.kwargs["seq"])
        return entry

    @cached_property
    def _seen(self) -> AuditEntry | None:
        """The entry that holds the facts: this one, or the last before it that does."""
        facts: AuditEntry | None = self._entries.filter(seq__lte=self._entry.seq, data__has_key="segment").first()
        return facts

    def _facts(self, evidence: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "evidence": evidence,
            "idleness": of_evidence(evidence, now=self._entry.at),
            "is_unchanged": evidence.get("digest") == self.account.digest,
        }

    def _version(self, number: int | None) -> PolicyVersion | None:
        """The version they were judged under, or else the one that was in force."""
        if not number:
            adopted = AuditEntry.objects.of(self.workspace).filter(kind=Event.POLICY_ADOPTED, seq__lte=self._entry.seq)
            last = adopted.first()
            number = int(last.data.get("version") or 0) if last else 0
        return self.workspace.policies.filter(number=number).first()

    def _role(self) -> str:
        """What whoever acted was in this workspace then; "" for programs and where the audit tells of no role."""
        if self._entry.actor in PROGRAMS:
            return ""
        name = role_then(self._entry.actor, self._entry)
        return str(Role.Name(name).label) if name in Role.Name.values else ""
