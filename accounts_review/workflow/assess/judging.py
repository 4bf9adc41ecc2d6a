"""Judging: what a policy makes of the accounts of a workspace as they were read, a portion at a time.

An account costs one judgement and one line of a COPY: at a million of them, rows of the ORM took ten times as long.
What is read and written stays text where it can, which saves half of all but the judgement itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import connection, transaction
from msgspec import to_builtins

from accounts_review.facts import facts_of, rights_of_groups
from accounts_review.huwise import decode_user
from accounts_review.models import Account, PolicyPreview, PreviewedAssessment, Workspace
from accounts_review.models.assessment import AssessmentBase
from accounts_review.models.copying import array_of, copy_in_portions
from accounts_review.models.keys import one_of
from accounts_review.models.streaming import streamed
from accounts_review.rules.dormancy import Alike, Reason, judge
from accounts_review.rules.names import is_shared
from accounts_review.rules.policy import Policy

BATCH = 10_000
"""So many are stored in one transaction: with fewer, the triggers count the same days again and again."""

_READ = ("pk", "raw", "read_at", "incomplete", "disputed", "lost_activity_at", "unconfirmed_activity_at", "basis")
COLUMNS = (
    *("account_id", "basis", "segment", "activity_at", "activity_field", "dormant_from", "limit_days", "standing"),
    *("rights", "reasons", "never_used"),
)
# What refers to a preview holds it anyway, from its commit on; here before, so that it is not deleted in between.
_RESTING = """
SELECT preview.* FROM accounts_review_policypreview preview
JOIN accounts_review_policyversion version ON version.id = preview.over_id
WHERE preview.workspace_id = %s AND version.is_current ORDER BY preview.id FOR KEY SHARE OF preview
"""
CREATE_JUDGED = """
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
    _alike: Alike = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rights = rights_of_groups(self.workspace.groups.all())

    def stage(self, keys: Sequence[int]) -> None:
        """Judge some accounts, in place of those staged before; their basis begins with the digest of their rights."""
        accounts = Account.objects.filter(one_of(keys)).with_basis(self.workspace.rights_digest).order_by("pk")
        with connection.cursor() as cursor:
            cursor.execute(CREATE_JUDGED)
        # In a transaction, as otherwise the database puts all records of a portion aside before it gives the first.
        with transaction.atomic():
            rows = (self.row(*stored) for stored in streamed(accounts.values_list(*_READ)))
            copy_in_portions(f"COPY judged ({', '.join(COLUMNS)}) FROM STDIN", rows)

    def row(self, pk: str, raw: str, read_at: str, *about: Any) -> tuple[Any, ...]:
        """The columns of a judgement of one account, as text where that is quicker."""
        incomplete, disputed, lost, unconfirmed, basis = about
        user = decode_user(raw)
        facts = facts_of(
            user,
            rights_by_group=self.rights,
            key_owner=self.workspace.key_owner,
            read_at=_instant(read_at),
            incomplete=incomplete,
            disputed=disputed,
            lost_activity_at=lost and _instant(lost),
            unconfirmed_activity_at=unconfirmed and _instant(unconfirmed),
        )
        # Groups that came expanded may grant more than the same groups of others.
        found = judge(self.rules, facts, alike=None if user.expanded else self._alike)
        return (
            pk,
            basis,
            found.segment,
            found.activity_at and to_builtins(found.activity_at),
            found.activity_field,
            to_builtins(found.dormant_from),
            found.limit_days,
            found.standing.value,
            None if found.rights is None else array_of(found.rights),
            _document(found.reasons),
            facts.never_used,
        )


_instant = lru_cache(maxsize=4096)(datetime.fromisoformat)
"""An instant as the database writes it; most accounts of a sync were read at the same."""


def _document(reasons: tuple[Reason, ...]) -> str:
    """Reasons as they are stored; most accounts have none, and many the same."""
    if not reasons:
        return "[]"
    is_known = is_shared([reason.subject + reason.via for reason in reasons])
    return _known_document(reasons) if is_known else _write(reasons)


def _write(reasons: tuple[Reason, ...]) -> str:
    return json.dumps([asdict(reason) for reason in reasons])


_known_document = lru_cache(maxsize=4096)(_write)


def merge(table: type[AssessmentBase], *, unique: Sequence[str], is_new: bool = False, **fixed: int) -> None:
    """Write what was staged to a table, with the columns that are the same for all of it.

    ``is_new``: nobody was judged before, which takes a third less; raises ``IntegrityError`` where it is not so.
    """
    columns, values = ", ".join((*fixed, *COLUMNS)), ", ".join((*map(str, fixed.values()), *COLUMNS))
    replaced = ", ".join(f"{column} = EXCLUDED.{column}" for column in (*fixed, *COLUMNS) if column not in unique)
    conflict = "" if is_new else f" ON CONFLICT ({', '.join(unique)}) DO UPDATE SET {replaced}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table._meta.db_table} ({columns}) SELECT {values} FROM judged{conflict}"  # noqa: S608
        )


def mark_changed(workspace: Workspace) -> None:
    """Have the previews that rest on the judgements in force know whose were just written."""
    for policy_preview in resting(workspace):
        if policy_preview.moved_limits is not None:
            unique = ("policy_preview_id", "account_id")
            merge(PreviewedAssessment, unique=unique, policy_preview_id=policy_preview.pk)


def resting(workspace: Workspace) -> list[PolicyPreview]:
    """The previews that rest on the judgements in force, held until the end of the transaction."""
    return list(PolicyPreview.objects.raw(_RESTING, [workspace.pk]))


def portions(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    """Keys in portions, each stored in a transaction of its own; no more once the process they are for is gone."""
    parent = os.getppid()
    for start in range(0, len(keys), BATCH):
        if os.getppid() != parent:
            return
        yield keys[start : start + BATCH]
