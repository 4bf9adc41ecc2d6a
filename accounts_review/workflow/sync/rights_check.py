"""A second opinion on rights: the API's own list of who holds a protected right, beside ours.

An administrator whom one of the two overlooks is the worst account to lose, so a disagreement makes it uncertain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from accounts_review.facts import facts_of, rights_of_groups
from accounts_review.huwise import Client, GroupRecord, HuwiseError, UserRecord, decode_user
from accounts_review.models import Account, Workspace
from accounts_review.rules.dormancy import KNOWN_PERMISSIONS
from accounts_review.wording.findings import Found, of_error
from accounts_review.workflow.sync.passes import Passes


def disputed_rights(
    workspace: Workspace, passes: Passes, client: Client, *, groups: list[GroupRecord], protected: Iterable[str]
) -> tuple[dict[str, list[str]], list[Found]]:
    """Of whom the two lists disagree, as username -> rights; and what kept us from comparing.

    A right that the API does not know, or of which it says that everyone holds it, is left out.
    """
    ours = _holders(workspace, passes, groups)
    disputed: defaultdict[str, list[str]] = defaultdict(list)
    health: list[Found] = []
    everyone = passes.usernames
    for right in sorted(set(protected) & KNOWN_PERMISSIONS):
        try:
            theirs = client.usernames_with(right)
        except HuwiseError as error:
            health.append(of_error("not_compared", error, right=right))
            continue
        if len(everyone) > 1 and theirs >= everyone:
            health.append({"code": "everyone_holds", "right": right})
            continue
        for username in (theirs ^ ours[right]) & everyone:
            disputed[username].append(right)
    return dict(disputed), health


def _holders(workspace: Workspace, passes: Passes, groups: list[GroupRecord]) -> defaultdict[str, set[str]]:
    rights = rights_of_groups(groups)
    holders: defaultdict[str, set[str]] = defaultdict(set)
    for user in _users(workspace, passes):
        facts = facts_of(user, rights_by_group=rights, key_owner="", read_at=workspace.created_at)
        for right in facts.rights:
            holders[right].add(user.username)
    return holders


def _users(workspace: Workspace, passes: Passes) -> Iterator[UserRecord]:
    """Everyone as the passes saw them, from memory where changed and from the database where not."""
    yield from (user for user, raw in passes.fresh.values())
    for pk, raw in Account.objects.filter(workspace=workspace).values_list("pk", "raw").iterator(chunk_size=2000):
        if pk in passes.unchanged:
            yield decode_user(raw)
