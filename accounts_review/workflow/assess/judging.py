"""Judging: what a policy makes of the accounts of a workspace as they were read, a portion at a time.

An account costs one judgement and one line of a COPY: at a million of them, rows of the ORM took ten times as long.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from django.db import connection

from accounts_review.facts import facts_of_account, rights_of_groups
from accounts_review.models import Account, PolicyPreview, PreviewedAssessment, Workspace
from accounts_review.models.assessment import AssessmentBase
from accounts_review.models.keys import Among
from accounts_review.rules.dormancy import Reason, judge
from accounts_review.rules.policy import Policy

BATCH = 2000

_READ = (
    *("pk", "raw", "read_at", "incomplete", "disputed", "lost_activity_at", "unconfirmed_activity_at"),
    "basis",
)
_JUDGED = (
    *("segment", "activity_at", "activity_field", "dormant_from", "limit_days", "standing", "rights"),
    *("reasons", "never_used"),
)
_COLUMNS = ("account_id", "basis", *_JUDGED)
# What refers to a preview holds it anyway, from its commit on; here before, so that it is not deleted in between.
_RESTING = """
SELECT preview.* FROM accounts_review_policypreview preview
JOIN accounts_review_policyversion version ON version.id = preview.over_id
WHERE preview.workspace_id = %s AND version.is_current ORDER BY preview.id FOR KEY SHARE OF preview
"""
_CREATE = """
CREATE TEMP TABLE IF NOT EXISTS judged (
    account_id bigint, basis text, segment text, activity_at timestamptz, activity_field text, dormant_from timestamptz,
    limit_days int, standing text, rights text[], reasons jsonb, never_used boolean
);
TRUNCATE judged
"""


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
            "limit_days": found.limit_days,
            "never_used": facts.never_used,
            "standing": found.standing.value,
            "rights": None if facts.permissions is None else sorted(facts.rights),
            "reasons": found.reasons,
        }

    def stage(self, keys: Sequence[int]) -> None:
        """Judge some accounts, in place of those staged before; their basis begins with the digest of their rights."""
        accounts = Account.objects.filter(pk__in=Among(keys)).with_basis(self.workspace.rights_digest).order_by("pk")
        rows = [self._row(account) for account in accounts.values_list(*_READ, named=True)]
        with connection.cursor() as cursor:
            cursor.execute(_CREATE)
            with cursor.copy(f"COPY judged ({', '.join(_COLUMNS)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)

    def _row(self, account: Any) -> tuple[Any, ...]:
        found = self.of(account)
        found["reasons"] = _stored(found["reasons"])
        return (account.pk, account.basis, *(found[name] for name in _JUDGED))


@lru_cache(maxsize=4096)
def _stored(reasons: tuple[Reason, ...]) -> str:
    """Reasons as they are stored; many accounts have the same."""
    return json.dumps([asdict(reason) for reason in reasons])


def merge(table: type[AssessmentBase], *, unique: Sequence[str], **fixed: int) -> None:
    """Write what was staged to a table, with the columns that are the same for all of it."""
    columns, values = ", ".join((*fixed, *_COLUMNS)), ", ".join((*map(str, fixed.values()), *_COLUMNS))
    replaced = ", ".join(f"{column} = EXCLUDED.{column}" for column in (*fixed, *_COLUMNS) if column not in unique)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table._meta.db_table} ({columns}) SELECT {values} FROM judged"  # noqa: S608 (our own names)
            f" ON CONFLICT ({', '.join(unique)}) DO UPDATE SET {replaced}"
        )


def mark_changed(workspace: Workspace) -> None:
    """Have the previews that rest on the judgements in force know whose were just written."""
    for policy_preview in PolicyPreview.objects.raw(_RESTING, [workspace.pk]):
        if policy_preview.moved_limits is not None:
            unique = ("policy_preview_id", "account_id")
            merge(PreviewedAssessment, unique=unique, policy_preview_id=policy_preview.pk)


def portions(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    """Keys in portions, each stored in a transaction of its own; no more once the process they are for is gone."""
    parent = os.getppid()
    for start in range(0, len(keys), BATCH):
        if os.getppid() != parent:
            return
        yield keys[start : start + BATCH]
