"""The figures that the breaker looks at: this sync beside the last accepted one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from accounts_review.facts import activity_of, facts_of
from accounts_review.huwise import Group, User, decode_user
from accounts_review.models import Account, Sync, Workspace
from accounts_review.rules.breaker import Figures
from accounts_review.rules.dates import valid_instant
from accounts_review.rules.dormancy import Facts, Verdict, judge, verdict_at
from accounts_review.rules.policy import Policy
from accounts_review.workflow.sync.passes import Walk
from accounts_review.workflow.sync.store import rights_digest


def figures_of(
    workspace: Workspace, walk: Walk, *, groups: list[Group], key_owner: str, baseline: Sync, now: datetime
) -> Figures:
    """Count what the breaker asks about, without storing anything.

    Accounts that nothing has changed for keep their assessment; only the others are judged, as if they were accepted.
    """
    accounts = Account.objects.filter(workspace=workspace)
    dormant = set(accounts.listed().assessed().with_verdict(now).whose_verdict("dormant").values_list("pk", flat=True))
    same_rights = rights_digest(groups, key_owner) == workspace.rights_digest
    suspects = accounts.filter(incomplete=True) if same_rights else accounts
    rejudged = {row.pk: row for row in suspects.filter(pk__in=walk.unchanged)}
    people = [*((row.read_at, decode_user(row.raw)) for row in rejudged.values()), *_fresh(walk, now)]
    rules, rights = workspace.current_policy.rules, {group.uid: group.permissions for group in groups}
    candidates = len((dormant & walk.unchanged) - rejudged.keys()) + sum(
        _is_candidate(facts_of(user, rights_by_group=rights, key_owner=key_owner, read_at=read_at), rules, now)
        for read_at, user in people
    )
    removed_by_us = accounts.filter(gone_at__gte=baseline.started_at).count()
    return Figures(
        population_before=baseline.read - removed_by_us,
        population=len(walk.usernames),
        lost_activity=_lost_activity(workspace, walk, rejudged, now),
        candidates_before=len(dormant),
        candidates=candidates,
    )


def _fresh(walk: Walk, now: datetime) -> Iterator[tuple[datetime, User]]:
    yield from ((now, user) for user, raw in walk.fresh.values())


def _is_candidate(facts: Facts, rules: Policy, now: datetime) -> bool:
    found = judge(rules, facts)
    return verdict_at(standing=found.standing, dormant_from=found.dormant_from, now=now) is Verdict.DORMANT


def _lost_activity(workspace: Workspace, walk: Walk, rejudged: dict[int, Account], now: datetime) -> int:
    """Accounts whose accepted activity is later than what was read now, or whose dates are gone."""
    fresh = {username: (incarnation, user) for (username, incarnation), (user, _) in walk.fresh.items()}
    lost = set()
    rows = Account.objects.filter(workspace=workspace, username__in=fresh).exclude(accepted_activity_at=None)
    for row in rows.only("username", "incarnation", "accepted_activity_at", "absent_since", "gone_at"):
        incarnation, user = fresh[row.username]
        is_listed = row.absent_since is None and row.gone_at is None
        if incarnation == row.incarnation:
            is_lost = _is_earlier(activity_of(user, read_at=now), row)
        else:
            # Who is given a username joins after its holder before was last active. Otherwise it is the same account
            # still, and its date of joining is not what it was.
            is_lost = is_listed and _is_earlier(valid_instant(user.joined_at, read_at=now), row)
        lost |= {row.username} if is_lost else set()
    for row in rejudged.values():
        if row.incomplete and _is_earlier(activity_of(decode_user(row.raw), read_at=row.read_at), row):
            lost.add(row.username)
    return len(lost)


def _is_earlier(instant: datetime | None, row: Account) -> bool:
    return row.accepted_activity_at is not None and (instant is None or instant < row.accepted_activity_at)
