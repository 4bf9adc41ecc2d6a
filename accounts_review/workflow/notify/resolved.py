"""Resolved: what happened since the last digest and is over before the next one is no longer news."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Case, Workspace
from accounts_review.rules.lifecycle import CaseState, CleanupState

ENDED_BY: Mapping[str, tuple[Event, ...]] = {
    Event.HOLD_PLACED: (Event.HOLD_RELEASED,),
    Event.MAIL_STOPPED: (Event.MAIL_RESUMED,),
    Event.WORKSPACE_PAUSED: (Event.WORKSPACE_RESUMED,),
}
"""Events that a later one undoes; the later one is no news either, where both fall between two digests."""

STATES = {
    Event.CASE_UNDELIVERABLE: CaseState.UNDELIVERABLE,
    Event.CASE_UNKNOWN: CaseState.UNKNOWN,
    Event.CASE_REFUSED: CaseState.REFUSED,
}
"""The state in which a case still needs a person, by what is told of it."""


def unresolved(entries: Sequence[AuditEntry], *, workspace: Workspace) -> list[AuditEntry]:
    """Those of a time's entries, oldest first or last, that still matter at its end."""
    over = _undone(entries)
    tests: tuple[Callable[[AuditEntry], bool], ...] = (
        lambda entry: entry.seq in over,
        _case_goes_on(entries, workspace),
        _cleanup_goes_on(entries, workspace),
        _sync_is_good_by_now(workspace),
    )
    return [entry for entry in entries if not any(is_over(entry) for is_over in tests)]


def _undone(entries: Sequence[AuditEntry]) -> set[int]:
    """The numbers of acts that were undone between two digests, and of what undid them."""
    found = set[int]()
    for begun, ends in ENDED_BY.items():
        starts = sorted(entry.seq for entry in entries if entry.kind == begun)
        for end in sorted(entry.seq for entry in entries if entry.kind in ends):
            if done := [start for start in starts if start < end]:
                found |= {*done, end}
                starts = [start for start in starts if start > end]
    return found


def _case_goes_on(entries: Sequence[AuditEntry], workspace: Workspace) -> Callable[[AuditEntry], bool]:
    accounts = [entry.account_id for entry in entries if entry.kind in STATES and entry.account_id]
    cases = Case.objects.filter(cleanup__workspace=workspace, account__in=accounts)
    states = {(pk, number): state for pk, number, state in cases.values_list("account", "cleanup__number", "state")}

    def goes_on(entry: AuditEntry) -> bool:
        state = states.get((entry.account_id, entry.cleanup)) if entry.kind in STATES else None  # type: ignore[arg-type]
        return state is not None and state != STATES[entry.kind]  # type: ignore[index]

    return goes_on


def _cleanup_goes_on(entries: Sequence[AuditEntry], workspace: Workspace) -> Callable[[AuditEntry], bool]:
    numbers = [entry.cleanup for entry in entries if entry.kind == Event.CLEANUP_STOPPED and entry.cleanup]
    going = workspace.cleanups.filter(number__in=numbers).exclude(state=CleanupState.PAUSED)
    going_on = set(going.values_list("number", flat=True))
    return lambda entry: entry.kind == Event.CLEANUP_STOPPED and entry.cleanup in going_on


def _sync_is_good_by_now(workspace: Workspace) -> Callable[[AuditEntry], bool]:
    """Whether a later sync was good, or a person has decided on the one that was in doubt."""
    entries = AuditEntry.objects.of(workspace)
    good = entries.filter(kind=Event.WORKSPACE_SYNCED, data__state="complete").order_by("-seq")
    decided = entries.filter(kind=Event.BREAKER_RESET).order_by("-seq")
    newest = [found.values_list("seq", flat=True).first() or 0 for found in (good, decided)]

    def is_good(entry: AuditEntry) -> bool:
        if entry.kind != Event.WORKSPACE_SYNCED:
            return False
        return entry.seq < (newest[1] if entry.data.get("state") == "quarantined" else max(newest))

    return is_good
