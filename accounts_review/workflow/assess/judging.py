"""Judging: what a policy makes of the accounts of a workspace as they were read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, TypeVar

from accounts_review.facts import facts_of_account, rights_of_groups
from accounts_review.models import Account, Workspace
from accounts_review.rules.dormancy import judge, segment_of
from accounts_review.rules.policy import Policy

BATCH = 2000

Row = TypeVar("Row")


@dataclass(slots=True)
class Judging:
    """A policy and what else it takes to judge the accounts of one workspace."""

    workspace: Workspace
    rules: Policy
    rights: dict[str, tuple[str, ...] | None] = field(init=False)

    def __post_init__(self) -> None:
        self.rights = rights_of_groups(self.workspace.groups.all())

    def of(self, account: Account) -> dict[str, Any]:
        """The columns of a judgement of one account."""
        facts = facts_of_account(account, rights_by_group=self.rights, key_owner=self.workspace.key_owner)
        found = judge(self.rules, facts)
        return {
            "segment": found.segment,
            "activity_at": found.activity_at,
            "activity_field": found.activity_field,
            "dormant_from": found.dormant_from,
            "limit_days": segment_of(self.rules, facts).dormant_after_days,
            "standing": found.standing.value,
            "rights": None if facts.permissions is None else sorted(facts.rights),
            "reasons": [asdict(reason) for reason in found.reasons],
        }


def batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """In portions, each to be stored in a transaction of its own."""
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        yield batch
