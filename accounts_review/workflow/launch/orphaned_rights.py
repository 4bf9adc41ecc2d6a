"""Orphaned rights: what would be left without anybody once some accounts are gone.

As far as the portal knows: rights, direct and through groups, and the members and makers of groups. The API does not
say who owns other objects, so nothing is said about them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass

from django.db.models import Exists, F, Func, OuterRef, Q

from accounts_review.models import Account, Case, Group, Workspace
from accounts_review.models.account import AccountQuerySet
from accounts_review.models.keys import Among
from accounts_review.rules.lifecycle import CaseState

RIGHTS, GROUPS = "assessment__rights", "groups"
"""The columns that tell what an account has."""
LOOKED_AT_FIRST = 2000


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


def orphans_of(workspace: Workspace, accounts: Collection[int]) -> list[Orphan]:
    """What would be left without anybody if these accounts went, beside those that clean-ups under way take.

    Only what those who leave have is looked for among the others: most of them have nothing.
    Whoever stays counts, whatever their verdict; but where it is not known what rights they have, because they are not
    judged yet or their record does not tell, they keep none: a warning too many is better than one too few.
    """
    leaving = Account.objects.filter(pk__in=Among(accounts), gone_at=None)
    under_way = Case.objects.open().exclude(state=CaseState.IN_DRAFT).filter(account=OuterRef("pk"))
    staying = Account.objects.filter(workspace=workspace).listed().exclude(pk__in=Among(accounts))
    rights, groups = _had(leaving, RIGHTS, GROUPS)
    if not rights and not groups:
        return []
    rights_kept, groups_kept = _kept(staying.exclude(Exists(under_way)), rights, groups)
    if rights == rights_kept and groups == groups_kept:
        return []
    has_the_last = Q((f"{RIGHTS}__overlap", sorted(rights - rights_kept)))
    has_the_last |= Q((f"{GROUPS}__overlap", sorted(groups - groups_kept)))
    last = leaving.filter(has_the_last).select_related("assessment").defer("raw").order_by("pk")
    return orphans([_holder(account) for account in last], rights_kept=rights_kept, groups_kept=groups_kept)


def made_by(workspace: Workspace, accounts: Collection[int]) -> list[tuple[Account, list[Group]]]:
    """Of the accounts of these keys, those who made groups that are still there, with the groups."""
    made = defaultdict(list)
    for group in workspace.groups.exclude(created_by=""):
        made[group.created_by].append(group)
    makers = Account.objects.filter(pk__in=Among(accounts), workspace=workspace).named(made).order_by("pk")
    return [(account, made[account.username]) for account in makers.defer("raw")] if made else []


def _holder(account: Account) -> RightsHolder:
    judged = getattr(account, "assessment", None)
    return RightsHolder(account, set(judged.rights or ()) if judged else set(), set(account.groups))


def _kept(staying: AccountQuerySet, rights: set[str], groups: set[str]) -> tuple[set[str], set[str]]:
    """Those of some rights and groups that somebody who stays has.

    A few accounts have most of them; only what none of those has is looked for among all. The newest are taken: very
    many of the oldest may be about to go.
    """
    some = staying.order_by("-pk").values_list("pk", flat=True)[:LOOKED_AT_FIRST]
    kept = _had(Account.objects.filter(pk__in=Among(some)), RIGHTS, GROUPS)
    for names, found, field in zip((rights, groups), kept, (RIGHTS, GROUPS), strict=True):
        if missing := names - found:
            found |= _had(staying.filter(**{f"{field}__overlap": sorted(missing)}), field)[0]
    return rights & kept[0], groups & kept[1]


def _had(accounts: AccountQuerySet, *fields: str) -> list[set[str]]:
    """All that any of them has, for each of some columns of names."""
    each = {f"name_{number}": Func(F(field), function="unnest") for number, field in enumerate(fields)}
    rows = accounts.annotate(**each).order_by().values_list(*each).distinct()
    return [set(column) - {None} for column in zip(*rows, strict=True)] or [set() for _field in fields]
