"""What is found about a proposed policy when it is held against the people it is for: codes with numbers.

They are kept with the preview, so that every page and the shell show the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import F, Func

from accounts_review.models import Account, Assessment, PolicyPreview, PreviewedAssessment, Workspace
from accounts_review.rules.dormancy import KNOWN_ACCOUNT_TYPES, KNOWN_PERMISSIONS, Verdict, email_domain
from accounts_review.rules.loosening import PROTECTING, loosened, risks
from accounts_review.rules.names import Globs, folded
from accounts_review.rules.policy import GLOB_LISTS, NAME_LISTS, Policy, Segment
from accounts_review.wording.findings import Found
from accounts_review.workflow.policy.moves import Move

REASONS = {
    "permissions": "right",
    "groups": "protected_group",
    "usernames": "protected_name",
    "email_domains": "protected_domain",
}
"""The code of the reason by which each list of a policy protects."""

CLOSE = 0.8
"""So alike must a name be to be suggested; 1 is the same."""

Holdings = Counter[tuple[str, str]]
"""How many accounts each name of a kind has, by the kind and the folded name."""


def findings_of(policy_preview: PolicyPreview, moves: list[Move]) -> list[Found]:
    """Everything to be said before a preview comes into force, what was got wrong first.

    ``moves`` is what it makes of everybody. Before anybody was read, no name can be looked for.
    """
    before, after = policy_preview.over.rules, policy_preview.rules
    counted = list(_with_numbers([*risks(after), *loosened(before, after)], policy_preview.workspace_id, moves))
    total = sum(move.count for move in moves)
    if not total:
        return [{"code": "nobody_read"}, *counted]
    search = _Search(policy_preview)
    unmatched = [found | {"total": total} for found in (*search.protection(), *search.segments(moves))]
    return [*unmatched, *counted]


def loosened_now(workspace: Workspace, after: Policy, *, dormant: Mapping[str, int]) -> list[Found]:
    """Where a policy is looser than the one in force, before anybody is judged by it.

    ``dormant`` is how many of each segment would be, as far as that is known already.
    """
    return list(_counted(loosened(workspace.current_policy.rules, after), workspace.pk, Counter(dormant), 0))


def _with_numbers(found: list[Found], workspace: int, moves: list[Move]) -> Iterator[Found]:
    dormant = Counter[str]()
    for move in moves:
        dormant[move.segment_after] += move.count * (move.verdict_after == Verdict.DORMANT)
    protected = sum(move.count for move in moves if move.verdict_after == Verdict.PROTECTED)
    yield from _counted(found, workspace, dormant, protected)
    newly = sum(m.count for m in moves if m.verdict != Verdict.DORMANT and m.verdict_after == Verdict.DORMANT)
    if newly:
        yield {"code": "more_dormant", "count": newly}


def _counted(found: Iterable[Found], workspace: int, dormant: Counter[str], protected: int) -> Iterator[Found]:
    held: Holdings | None = None
    for one in found:
        match one["code"]:
            case "short_limit" | "shorter_limit" | "shorter_for_some":
                yield one | {"count": dormant[one["segment"]]}
            case "empty_protection":
                yield one | {"count": protected}
            case "protects_less":
                held = _held(workspace) if held is None else held
                yield one | {"count": sum(held[REASONS[one["list"]], folded(name)] for name in one["names"])}
            case _:
                yield one


@dataclass(frozen=True)
class _Search:
    """Looks for the accounts that the names of a proposed policy are about."""

    policy_preview: PolicyPreview
    _known_by_list: dict[str, set[str]] = field(default_factory=dict)

    def protection(self) -> Iterator[Found]:
        protect = self.policy_preview.rules.protect
        is_judged_anew = self.policy_preview.moved_limits is None
        held = _held(self.policy_preview.workspace_id, self.policy_preview.pk if is_judged_anew else None)
        for name in PROTECTING:
            names = sorted(getattr(protect, name))
            if name == "permissions":
                unknown = _unknown(names)
                count = sum(held["right", folded(right)] for right in unknown)
                yield from _named("unknown_permissions", name, unknown, self._candidates(name), count=count)
            else:
                missing = [one for one in names if not held[REASONS[name], folded(one)]]
                yield from _named("unmatched", name, missing, self._candidates(name))

    def segments(self, moves: list[Move]) -> Iterator[Found]:
        size = Counter[str]()
        for move in moves:
            size[move.segment_after] += move.count
        everyone_passed = False
        for segment in self.policy_preview.rules.segments:
            found = list(self._segment(segment))
            yield from (one | {"segment": segment.name} for one in found)
            is_odd = everyone_passed or not segment.matches_everyone
            if is_odd and not size[segment.name] and not found:
                yield {"code": "empty_segment", "segment": segment.name}
            everyone_passed |= segment.matches_everyone

    def _segment(self, segment: Segment) -> Iterator[Found]:
        unknown = _unknown(segment.permissions)
        yield from _named("unknown_permissions", "permissions", unknown, self._candidates("permissions"))
        for name in ("permissions", *NAME_LISTS):
            names = [one for one in getattr(segment, name) if name != "permissions" or one not in unknown]
            missing = [one for one in names if folded(one) not in self._known(name)]
            yield from _named("unmatched", name, missing, self._candidates(name))
        for name in GLOB_LISTS:
            yield from _named("unmatched", name, self._never_met(name, getattr(segment, name)), {})

    @property
    def _listed(self) -> Any:
        return Account.objects.filter(workspace=self.policy_preview.workspace_id).listed().order_by()

    def _known(self, name: str) -> set[str]:
        """The folded names of a list that at least one account has."""
        if name not in self._known_by_list:
            rows = {
                "groups": self._listed.annotate(name=Func(F("groups"), function="unnest")),
                # Whatever the policy is.
                "permissions": self._listed.annotate(name=Func(F("assessment__rights"), function="unnest")),
                "account_types": self._listed.annotate(name=F("account_type")),
                "email_domains": self._listed.annotate(name=F("email")),
            }[name]
            fold = email_domain if name == "email_domains" else folded
            names = rows.values_list(*("name",), flat=True).distinct().iterator()
            self._known_by_list[name] = set(map(fold, names))
        return self._known_by_list[name]

    def _candidates(self, name: str) -> dict[str, str]:
        """What a name of a list may have been meant to be, by its folded spelling; a title stands for its group."""
        match name:
            case "groups":
                titles = {folded(group.title): group.uid for group in self._groups}
                return titles | {folded(group.uid): group.uid for group in self._groups}
            case "account_types":
                return {known: known for known in KNOWN_ACCOUNT_TYPES}
            case "permissions":
                return {known: known for known in KNOWN_PERMISSIONS}
        return {}

    @cached_property
    def _groups(self) -> list[Any]:
        return list(self.policy_preview.workspace.groups.all())

    def _never_met(self, name: str, globs: tuple[str, ...]) -> list[str]:
        """The globs that no account matches; stops reading as soon as each was met."""
        left = dict.fromkeys(globs)
        names = self._listed.values_list({"usernames": "username", "emails": "email"}[name], flat=True)
        matcher = Globs(left)
        for text in names.iterator(chunk_size=10_000) if left else ():
            if matcher.meet(text):
                for met in matcher.matching(text):
                    del left[met]
                matcher = Globs(left)
                if not left:
                    break
        return list(left)


def _held(workspace_id: int, preview_id: int | None = None) -> Holdings:
    """How many listed accounts are protected by each name, as they are judged or, by a preview, would be."""
    judged = PreviewedAssessment if preview_id else Assessment
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT reason->>'code', reason->>'subject', count(*)
            FROM {judged._meta.db_table} judged
            JOIN {Account._meta.db_table} account ON account.id = judged.account_id
            CROSS JOIN jsonb_array_elements(judged.reasons) reason
            WHERE account.workspace_id = %s AND account.absent_since IS NULL AND account.gone_at IS NULL
            AND judged.standing = 'protected' {"AND judged.policy_preview_id = %s" if preview_id else ""}
            GROUP BY 1, 2
            """,  # noqa: S608 (names of our own tables)
            [workspace_id, preview_id] if preview_id else [workspace_id],
        )
        held = Holdings()
        for code, subject, count in cursor.fetchall():
            held[code, folded(subject)] += count
    return held


def _named(code: str, name: str, names: Iterable[str], candidates: dict[str, str], **facts: object) -> Iterator[Found]:
    """A finding about some names of a list, where there are any, with what they come close to."""
    if names := list(names):
        own = set(map(folded, names))
        close = [match for one in own for match in get_close_matches(one, candidates, n=1, cutoff=CLOSE)]
        near = {candidates[match] for match in close if folded(candidates[match]) not in own}
        yield {"code": code, "list": name, "names": names, "close": sorted(near)} | facts


def _unknown(rights: Iterable[str]) -> list[str]:
    return sorted(right for right in rights if folded(right) not in KNOWN_PERMISSIONS)
