"""OrphanedRights: what would be left without anybody once some accounts are gone.

As far as the portal knows: rights, direct and through groups, and the members and makers of groups. The API does not
say who owns other objects, so nothing is said about them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import F, Func, Q

from accounts_review.facts import facts_of
from accounts_review.huwise import decode_user
from accounts_review.models import Account, Case, Group, Workspace
from accounts_review.models.account import AccountQuerySet

Rights = dict[str, tuple[str, ...] | None]


@dataclass(frozen=True, slots=True)
class Member:
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


def orphans(leaving: Sequence[Member], *, rights_kept: Set[str], groups_kept: Set[str]) -> list[Orphan]:
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
    """
    granted: Rights = {group.uid: _listed(group.permissions) for group in workspace.groups.all()}
    leaving = [_member(account, granted) for account in accounts if not account.gone_at]
    staying = Account.objects.filter(workspace=workspace).listed()
    staying = staying.exclude(pk__in=Case.objects.open().exclude(state="in_draft").values("account"))
    staying = staying.exclude(pk__in=[member.account.pk for member in leaving])
    rights = {right for member in leaving for right in member.rights}
    uids = {uid for member in leaving for uid in member.groups}
    populated = _groups_with_members(staying, {*uids, *_granting(granted, rights)})
    through = {right for uid in populated for right in granted.get(uid) or ()}
    direct = _held_directly(staying, rights - through, granted)
    return orphans(leaving, rights_kept=through | direct, groups_kept=populated)


def made_by(workspace: Workspace, accounts: Iterable[Account]) -> list[tuple[Account, list[Group]]]:
    """Of these accounts, those who made groups that are still there, with the groups."""
    made = defaultdict(list)
    for group in workspace.groups.exclude(created_by=""):
        made[group.created_by].append(group)
    return [(account, made[account.username]) for account in accounts if account.username in made]


def _listed(permissions: list[str] | None) -> tuple[str, ...] | None:
    return None if permissions is None else tuple(permissions)


def _member(account: Account, granted: Rights) -> Member:
    user = decode_user(account.raw)
    facts = facts_of(user, rights_by_group=granted, key_owner="", read_at=account.read_at)
    return Member(account, set(facts.rights), set(facts.groups or ()))


def _granting(granted: Rights, rights: set[str]) -> set[str]:
    return {uid for uid, given in granted.items() if rights.intersection(given or ())}


def _groups_with_members(staying: AccountQuerySet, uids: set[str]) -> set[str]:
    if not uids:
        return set()
    held = staying.filter(groups__overlap=sorted(uids)).annotate(uid=Func(F("groups"), function="unnest"))
    return uids & set(held.order_by().values_list(*("uid",), flat=True).distinct())


def _held_directly(staying: AccountQuerySet, rights: set[str], granted: Rights) -> set[str]:
    """Of the rights, those that somebody who stays holds. The record's text tells who may; its reading, who does."""
    found, last = set[str](), 0
    while missing := rights - found:
        sought = reduce(or_, (Q(raw__contains=f'"{right}"') for right in missing))
        may_hold = staying.filter(sought, pk__gt=last).order_by("pk")
        # Once one is found it is looked for no longer, and the search goes on from there: it is one pass in all.
        holder = next((each for each in may_hold.iterator(chunk_size=100) if _rights(each, granted) & missing), None)
        if holder is None:
            break
        found, last = found | _rights(holder, granted) & rights, holder.pk
    return found


def _rights(account: Account, granted: Rights) -> set[str]:
    return set(_member(account, granted).rights)
