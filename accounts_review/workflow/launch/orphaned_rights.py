"""Orphaned rights: what would be left without anybody once some accounts are gone.

As far as the portal knows: rights, direct and through groups, and the members and makers of groups. The API does not
say who owns other objects, so nothing is said about them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from django.db.models import F, Func

from accounts_review.models import Account, Case, Group, Workspace
from accounts_review.models.account import AccountQuerySet
from accounts_review.rules.lifecycle import CaseState


@dataclass(frozen=True, slots=True)
class RightsHolder:
    """An account with the rights that it has in effect, and the groups it is in."""

    account: Account
    rights: Set[str]
    groups: Set[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A right (its name) or a group (its uid) that nobody would have any more, and the last who have it."""

    is_group: bool
    name: str
    last: list[Account]


def orphans(leaving: Sequence[RightsHolder], *, rights_kept: Set[str], groups_kept: Set[str]) -> list[Orphan]:
    """What goes with those who leave: rights first, each in the order of names. Pure."""
    rights = sorted({right for member in leaving for right in member.rights} - rights_kept)
    groups = sorted({uid for member in leaving for uid in member.groups} - groups_kept)
    return [
        Orphan(is_group=False, name=right, last=[member.account for member in leaving if right in member.rights])
        for right in rights
    ] + [
        Orphan(is_group=True, name=uid, last=[member.account for member in leaving if uid in member.groups])
        for uid in groups
    ]


def orphans_of(workspace: Workspace, accounts: Iterable[Account]) -> list[Orphan]:
    """What would be left without anybody if these accounts went, beside those that clean-ups under way take.

    Only what those who leave have is looked for among the others: most of them have nothing, and it is one look.
    Whoever stays counts, whatever their verdict; but where it is not known what rights they have, because they are not
    judged yet or their record does not tell, they keep none: a warning too many is better than one too few.
    """
    ids = [account.pk for account in accounts if not account.gone_at]
    of_workspace = Account.objects.filter(workspace=workspace).select_related("assessment")
    leaving = [_holder(account) for account in of_workspace.filter(pk__in=ids).order_by("pk")]
    staying = of_workspace.listed().exclude(pk__in=ids)
    staying = staying.exclude(pk__in=Case.objects.open().exclude(state=CaseState.IN_DRAFT).values("account"))
    rights = {right for member in leaving for right in member.rights}
    uids = {uid for member in leaving for uid in member.groups}
    rights_kept = _held(staying, "assessment__rights", rights)
    return orphans(leaving, rights_kept=rights_kept, groups_kept=_held(staying, "groups", uids))


def made_by(workspace: Workspace, accounts: Iterable[Account]) -> list[tuple[Account, list[Group]]]:
    """Of these accounts, those who made groups that are still there, with the groups."""
    made = defaultdict(list)
    for group in workspace.groups.exclude(created_by=""):
        made[group.created_by].append(group)
    return [(account, made[account.username]) for account in accounts if account.username in made]


def _holder(account: Account) -> RightsHolder:
    judged = getattr(account, "assessment", None)
    return RightsHolder(account, set(judged.rights or ()) if judged else set(), set(account.groups))


def _held(staying: AccountQuerySet, field: str, names: set[str]) -> set[str]:
    """Those of the names that somebody who stays has in a column of names."""
    if not names:
        return set()
    held = staying.filter(**{f"{field}__overlap": sorted(names)}).annotate(name=Func(F(field), function="unnest"))
    return names & set(held.order_by().values_list(*("name",), flat=True).distinct())
