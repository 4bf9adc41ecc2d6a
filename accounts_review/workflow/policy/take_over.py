"""Take over: what a policy preview makes of everybody becomes the judgements in force, all at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.models import Sum

from accounts_review import audit
from accounts_review.models import (
    Account,
    Assessment,
    Case,
    DormancyCount,
    PolicyPreview,
    PolicyVersion,
    PreviewedAssessment,
    Workspace,
    anew,
)
from accounts_review.models.assessment import AssessmentBase
from accounts_review.rules.dormancy import BEFORE_ALL_DATES
from accounts_review.rules.lifecycle import CaseState
from accounts_review.workflow.assess.assess import is_in_force
from accounts_review.workflow.policy.activate import next_key

STEP = 100
"""To know about how many judgements change, one in so many is looked at."""

COLUMNS = [field.name for field in AssessmentBase._meta.fields]
_COLUMNS = ", ".join(COLUMNS)
_OWN, _AHEAD = (", ".join(f"{table}.{name}" for name in COLUMNS) for table in ("own", "ahead"))
_DIFFERS = f"({_OWN}) IS DISTINCT FROM ({_AHEAD})"
"""Whether a preview makes another judgement of an account, or the first."""
_MOVED = {
    "policy_id": "%(version)s",
    "limit_days": "moved.days",
    # Without any valid date, a judgement is of before all dates whatever the limit.
    "dormant_from": "CASE WHEN dormant_from = %(never)s THEN dormant_from"
    " ELSE dormant_from + (moved.days - limit_days) * interval '24 hours' END",
}
"""What becomes of a judgement whose segment has another limit."""
_LIMITS = "unnest(%(segments)s::text[], %(days)s::int[]) moved (name, days)"
_IS_MOVED = f"""segment = moved.name AND policy_id IN (
    SELECT id FROM {PolicyVersion._meta.db_table} WHERE workspace_id = %(workspace)s
)"""  # noqa: S608 (names of our own tables and columns)


def take_over(policy_preview: PolicyPreview, version: PolicyVersion) -> None:
    """Write what differs into the judgements in force, in the caller's transaction."""
    limits = policy_preview.moved_limits
    if limits is None:
        _swap(policy_preview, version)
    elif limits:
        _move(policy_preview, limits, version)


def take_over_anew(held: PolicyPreview) -> int | None:
    """Where most of all judgements change, have all written anew, and tell the key that the version has to get.

    People go on reading and deciding meanwhile; only who writes judgements waits. As long as a DELETE is on its way,
    the answer to which is to be written down at once, judgements are changed in place; and where other workspaces have
    many, whose syncs would wait for the whole table.
    """
    limits, workspace = held.moved_limits, held.workspace_id
    if Case.objects.filter(state__in=(CaseState.CLAIMED, CaseState.INTENDED)).exists():
        return None
    if not anew.pays(Assessment, changed=_about_changed(held)) or _judged_elsewhere(workspace) >= anew.MANY:
        return None
    key = next_key()
    rows = _swapped_rows() if limits is None else _moved_rows()

    def meanwhile() -> None:
        if limits is None:
            DormancyCount.objects.count_anew(anew.name_of(Assessment), workspace=workspace, version=key)
            # They go with the preview; as long as that takes, nobody could read.
            held.assessments.all().delete()
        else:
            DormancyCount.objects.move(limits, workspace=workspace)

    def take_turn() -> None:
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace)
        audit.wait_for_turn()

    # Who judges holds the version first, and the judgements then.
    is_in_force(held.over)
    given = _given(held, version=key)
    return key if anew.write_anew(Assessment, rows, given, meanwhile=meanwhile, take_turn=take_turn) else None


def _swap(policy_preview: PolicyPreview, version: PolicyVersion) -> None:
    replaced = ", ".join(f"{name} = EXCLUDED.{name}" for name in ("policy_id", *COLUMNS))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {Assessment._meta.db_table} (account_id, policy_id, {_COLUMNS})
            SELECT ahead.account_id, %s, {_AHEAD}
            FROM {PreviewedAssessment._meta.db_table} ahead
            LEFT JOIN {Assessment._meta.db_table} own ON own.account_id = ahead.account_id
            WHERE ahead.policy_preview_id = %s AND (own.account_id IS NULL OR {_DIFFERS})
            ON CONFLICT (account_id) DO UPDATE SET {replaced}
            """,  # noqa: S608 (names of our own tables and columns)
            [version.pk, policy_preview.pk],
        )


def _given(policy_preview: PolicyPreview, *, version: int) -> dict[str, Any]:
    limits = policy_preview.moved_limits or {}
    given: dict[str, Any] = {"version": version, "workspace": policy_preview.workspace_id, "never": BEFORE_ALL_DATES}
    return given | {"segments": [*limits], "days": [*limits.values()], "preview": policy_preview.pk}


def _move(policy_preview: PolicyPreview, limits: Mapping[str, int], version: PolicyVersion) -> None:
    given = _given(policy_preview, version=version.pk)
    moved = ", ".join(f"{column} = {becomes}" for column, becomes in _MOVED.items())
    with DormancyCount.objects.follow(limits, workspace=version.workspace_id), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {Assessment._meta.db_table} SET {moved} FROM {_LIMITS} WHERE {_IS_MOVED}",  # noqa: S608
            given,
        )


def _judged_elsewhere(workspace: int) -> int:
    """How many judgements other workspaces have, of accounts that are listed."""
    return DormancyCount.objects.exclude(workspace=workspace).aggregate(all=Sum("count"))["all"] or 0


def _about_changed(policy_preview: PolicyPreview) -> int:
    """About how many judgements change; where that does not follow from limits, one in so many is looked at."""
    limits = policy_preview.moved_limits
    if limits is not None:
        counted = DormancyCount.objects.filter(workspace=policy_preview.workspace_id, segment__in=limits)
        return counted.aggregate(all=Sum("count"))["all"] or 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT count(*) * %(step)s FROM {PreviewedAssessment._meta.db_table} ahead
            LEFT JOIN {Assessment._meta.db_table} own ON own.account_id = ahead.account_id
            WHERE ahead.policy_preview_id = %(preview)s AND ahead.account_id %% %(step)s = 0 AND {_DIFFERS}
            """,  # noqa: S608 (names of our own tables and columns)
            {"preview": policy_preview.pk, "step": STEP},
        )
        return int(cursor.fetchone()[0])


def _moved_rows() -> str:
    columns = ", ".join(
        f"CASE WHEN moved.name IS NULL THEN {column} ELSE {_MOVED[column]} END" if column in _MOVED else column
        for column in (field.attname for field in Assessment._meta.concrete_fields)
    )
    return f"SELECT {columns} FROM {Assessment._meta.db_table} LEFT JOIN {_LIMITS} ON {_IS_MOVED}"  # noqa: S608


def _swapped_rows() -> str:
    columns = {name: f"CASE WHEN ahead.account_id IS NULL THEN own.{name} ELSE ahead.{name} END" for name in COLUMNS}
    columns["account_id"] = "coalesce(own.account_id, ahead.account_id)"
    columns["policy_id"] = (
        f"CASE WHEN ahead.account_id IS NOT NULL AND {_DIFFERS} THEN %(version)s ELSE own.policy_id END"
    )
    columns["is_listed"] = f"""coalesce(own.is_listed, (
        SELECT absent_since IS NULL AND gone_at IS NULL FROM {Account._meta.db_table} WHERE id = ahead.account_id
    ))"""  # noqa: S608 (names of our own tables and columns)
    return f"""
        SELECT {", ".join(columns[field.attname] for field in Assessment._meta.concrete_fields)}
        FROM {Assessment._meta.db_table} own FULL JOIN (
            SELECT * FROM {PreviewedAssessment._meta.db_table} WHERE policy_preview_id = %(preview)s
        ) ahead ON ahead.account_id = own.account_id
        """  # noqa: S608 (names of our own tables and columns)
