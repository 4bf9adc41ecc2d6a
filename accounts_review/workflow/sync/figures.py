"""The figures that the breaker looks at: this sync beside the last accepted one, or by itself where it is the first.

What was accepted is what is stored of the accounts, as no other sync changes that: so it is counted from there, at
the same instant and under the same policy as what is new.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.expressions import RawSQL

from accounts_review.facts import (
    activity_of,
    facts_of,
    facts_of_account,
    lost_activity,
    rights_of_groups,
    whole_incarnation,
)
from accounts_review.huwise import GroupRecord, decode_user
from accounts_review.models import Account, DormancyCount, PolicyVersion, Sync, Workspace
from accounts_review.models.account import AccountQuerySet
from accounts_review.rules.breaker import BreakerCheck, Figures, Signs, checks, first_checks
from accounts_review.rules.dates import is_earlier, valid_instant
from accounts_review.rules.dormancy import Standing, Verdict, judge, verdict_at
from accounts_review.rules.facts import Facts
from accounts_review.rules.policy import Policy
from accounts_review.workflow.sync.passes import Passes
from accounts_review.workflow.sync.staging import BATCH, FRESH, UNCHANGED, Staging
from accounts_review.workflow.sync.store import rights_digest

_SIGNS = f"""
SELECT array[count(*), count(*) FILTER (WHERE is_seen), count(*) FILTER (WHERE never_used)]
FROM sync_record record WHERE {FRESH}
"""  # noqa: S608
_BESIDE = "account.username, account.incarnation, account.accepted_activity_at, account.absent_since, account.gone_at"
_FRESH_BESIDE_STORED = f"""
SELECT record.whole, record.raw, account.raw, {_BESIDE}
FROM sync_record record JOIN accounts_review_account account
    ON md5(account.username) = md5(record.name) AND account.username = record.name
WHERE account.workspace_id = %(workspace)s AND account.accepted_activity_at IS NOT NULL AND {FRESH}
"""  # noqa: S608
_LISTED_AGAIN = f"""
SELECT again.incarnation, again.raw, account.raw, {_BESIDE}
FROM (
    SELECT account.* FROM accounts_review_account account
    WHERE {UNCHANGED} AND (account.absent_since IS NOT NULL OR account.gone_at IS NOT NULL)
) again JOIN accounts_review_account account
    ON md5(account.username) = md5(again.username) AND account.username = again.username
WHERE account.workspace_id = %(workspace)s AND account.accepted_activity_at IS NOT NULL
"""  # noqa: S608


def checks_of(
    workspace: Workspace, passes: Passes, *, groups: list[GroupRecord], key_owner: str, now: datetime
) -> list[BreakerCheck]:
    """Every rule of the breaker with its numbers; nothing is stored."""
    baseline = workspace.syncs.filter(state=Sync.State.COMPLETE).first()
    if baseline is None:
        listed, seen, never_used = passes.staging.one(_SIGNS)
        return first_checks(Signs(listed=listed, seen=seen, never_used=never_used))
    return checks(_figures(workspace, passes, groups=groups, key_owner=key_owner, baseline=baseline, now=now))


def _figures(
    workspace: Workspace, passes: Passes, *, groups: list[GroupRecord], key_owner: str, baseline: Sync, now: datetime
) -> Figures:
    version, staging, rights = workspace.current_policy, passes.staging, rights_of_groups(groups)
    rules = version.rules
    staging.note_unjudged(version)
    before = DormancyCount.objects.dormant(workspace, now=now)
    before += _unsettled(Account.objects.filter(workspace=workspace), version, now)
    if rights_digest(groups, key_owner) == workspace.rights_digest:
        kept = before - (_dormant(Account.objects.filter(staging.was_missed), version, now) if staging.missed else 0)
    else:
        # Who of those whose record is unchanged would be dormant by the rights that were read now.
        seen = Account.objects.filter(staging.was_seen).iterator(chunk_size=BATCH)
        stored = (facts_of_account(row, rights_by_group=rights, key_owner=key_owner) for row in seen)
        kept = sum(_is_candidate(facts, rules, now) for facts in stored)
    users = (decode_user(raw) for (raw,) in staging.stream_fresh("raw"))
    judged = (facts_of(user, rights_by_group=rights, key_owner=key_owner, read_at=now) for user in users)
    removed_by_us = workspace.accounts.filter(gone_at__gte=baseline.started_at).count()
    return Figures(
        population_before=baseline.population - removed_by_us,
        population=passes.population,
        lost_activity=_lost_activity(staging, now),
        candidates_before=before,
        candidates=kept + sum(_is_candidate(facts, rules, now) for facts in judged),
    )


def _dormant(accounts: AccountQuerySet, version: PolicyVersion, now: datetime) -> int:
    """How many are dormant by the last accepted sync and the policy in force; exemptions change nothing about that."""
    return accounts.listed().filter(_is_dormant(now)).count() + _unsettled(accounts, version, now)


def _unsettled(accounts: AccountQuerySet, version: PolicyVersion, now: datetime) -> int:
    """By how many the count of the dormant is wrong: of those who were not judged since they were accepted, or were
    cleared by a sync that was not."""
    unjudged: Any = RawSQL("accounts_review_account.id IN (SELECT id FROM sync_unjudged)", (), BooleanField())
    workspace, rules, wrong = version.workspace, version.rules, 0
    rights, key_owner = rights_of_groups(workspace.groups.all()), workspace.key_owner
    counted: Any = ExpressionWrapper(_is_dormant(now), BooleanField())
    for row in accounts.listed().filter(unjudged).annotate(counted=counted).iterator(chunk_size=BATCH):
        facts = facts_of_account(_cleared(row), rights_by_group=rights, key_owner=key_owner)
        wrong += _is_candidate(facts, rules, now) - bool(vars(row)["counted"])
    return wrong


def _is_dormant(now: datetime) -> Q:
    return Q(assessment__standing=Standing.ORDINARY, assessment__dormant_from__lte=now)


def _cleared(row: Account) -> Account:
    """An account as an accepted sync last saw it."""
    row.unconfirmed_activity_at = None
    return row


def _is_candidate(facts: Facts, rules: Policy, now: datetime) -> bool:
    found = judge(rules, facts)
    return verdict_at(standing=found.standing, dormant_from=found.dormant_from, now=now) is Verdict.DORMANT


def _lost_activity(staging: Staging, now: datetime) -> int:
    """Accounts whose accepted activity is later than what was read now, or whose dates are gone."""
    lost = set[str]()
    for query in (_FRESH_BESIDE_STORED, _LISTED_AGAIN) if staging.seq else (_LISTED_AGAIN,):
        for whole, raw, before, username, *stored in staging.stream(query):
            if _is_lost(whole_incarnation(whole), raw, before, *stored, now=now):
                lost.add(username)
    return len(lost)


def _is_lost(
    whole: str,
    raw: str,
    before: str,
    incarnation: str,
    accepted: datetime,
    absent_since: datetime | None,
    gone_at: datetime | None,
    *,
    now: datetime,
) -> bool:
    user = decode_user(raw)
    if whole == whole_incarnation(incarnation):
        is_lost = lost_activity(user, before=decode_user(before), read_at=now) is not None
        return is_lost or is_earlier(activity_of(user, read_at=now), accepted)
    # Who is given a username joins after its holder before was last active. Otherwise it is the same account
    # still, and its date of joining is not what it was.
    joined = valid_instant(user.joined_at, read_at=now)
    return absent_since is None and gone_at is None and is_earlier(joined, accepted)
