"""A second opinion on rights: the API's own list of who holds a protected right, beside ours.

An administrator whom one of the two overlooks is the worst account to lose, so a disagreement makes it uncertain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from accounts_review.facts import RightsByGroup, facts_of
from accounts_review.huwise import Client, GroupRecord, HuwiseError, UserRecord, decode_user
from accounts_review.models.copying import copy_in_portions
from accounts_review.rules.dates import EARLIEST_VALID as ANY_TIME
from accounts_review.rules.dormancy import KNOWN_PERMISSIONS
from accounts_review.wording.findings import Found, of_error
from accounts_review.workflow.sync.passes import Passes
from accounts_review.workflow.sync.staging import FRESH, SEEN_NAMES, UNCHANGED
from accounts_review.workflow.sync.store import rights_digest

KEPT = 1000
"""Of so many sets of groups and rights it is kept what they grant; with 190 groups each, two MB."""

_STORED = f"""
INSERT INTO sync_holder (username, "right", is_ours)
SELECT account.username, held, TRUE
FROM accounts_review_account account JOIN accounts_review_assessment judged ON judged.account_id = account.id
CROSS JOIN unnest(judged.rights) held
WHERE {UNCHANGED} AND judged.rights && %(rights)s AND held = ANY(%(rights)s)
    AND NOT EXISTS (SELECT FROM sync_unjudged unjudged WHERE unjudged.id = account.id)
"""  # noqa: S608
_FRESH = f"""
INSERT INTO sync_holder (username, "right", is_ours)
SELECT record.name, held, TRUE FROM sync_record record CROSS JOIN unnest(record.rights) held
WHERE {FRESH} AND record.rights <> '{{}}'
"""  # noqa: S608
_ALL = f"SELECT account.raw FROM accounts_review_account account WHERE {UNCHANGED}"  # noqa: S608
_UNJUDGED = f"{_ALL} AND account.id IN (SELECT id FROM sync_unjudged)"  # noqa: S608
_SEEN_HOLDERS = f"""
SELECT count(DISTINCT username) FROM sync_holder
WHERE NOT is_ours AND "right" = %(right)s AND username IN ({SEEN_NAMES})
"""  # noqa: S608
_DISPUTED = f"""
SELECT username, "right" FROM (
    SELECT username, "right" FROM sync_holder WHERE "right" = ANY(%(rights)s)
    GROUP BY username, "right" HAVING count(DISTINCT is_ours) = 1
) one_sided WHERE username IN ({SEEN_NAMES})
"""  # noqa: S608


def disputed_rights(
    passes: Passes,
    client: Client,
    *,
    groups: list[GroupRecord],
    key_owner: str,
    protected: Iterable[str],
) -> tuple[dict[str, list[str]], list[Found]]:
    """Of whom the two lists disagree, as username -> rights; and what kept us from comparing.

    A right that the API does not know, or of which it says that everyone holds it, is left out.
    """
    rights = sorted(set(protected) & KNOWN_PERMISSIONS)
    _note_ours(passes, rights, rights_digest(groups, key_owner))
    compared: list[str] = []
    health: list[Found] = []
    for right in rights:
        try:
            theirs = client.usernames_with(right)
        except HuwiseError as error:
            health.append(of_error("not_compared", error, right=right))
            continue
        _note((username, right, False) for username in theirs)
        if 1 < passes.population <= len(theirs) and passes.staging.one(_SEEN_HOLDERS, right=right) >= passes.population:
            health.append({"code": "everyone_holds", "right": right})
        else:
            compared.append(right)
    disputed: defaultdict[str, list[str]] = defaultdict(list)
    for username, right in passes.staging.stream(f"{_DISPUTED} ORDER BY 2, 1", rights=compared):
        disputed[username].append(right)
    return dict(disputed), health


def compared_rights(protected: Iterable[str], by_group: RightsByGroup) -> Callable[[UserRecord], tuple[str, ...]]:
    """What tells which of the protected rights an account holds by its record."""
    wanted = KNOWN_PERMISSIONS & set(protected)
    told: dict[object, tuple[str, ...]] = {}

    def rights_of(user: UserRecord) -> tuple[str, ...]:
        # Many accounts have the same groups, and so the same rights.
        grounds = (user.permissions, user.groups)
        if not any(grounds):
            return ()
        if user.expanded or grounds not in told:
            facts = facts_of(user, rights_by_group=by_group, key_owner="", read_at=ANY_TIME)
            rights = tuple(sorted(wanted & facts.rights.keys()))
            if user.expanded or len(told) >= KEPT:
                return rights
            told[grounds] = rights
        return told[grounds]

    return rights_of


def _note_ours(passes: Passes, rights: list[str], digest: str) -> None:
    """Who holds each right by what was seen: as it is stored where that was judged, otherwise from the record."""
    staging, from_records = passes.staging, _ALL
    if digest == staging.workspace.rights_digest:
        staging.note_unjudged(staging.workspace.current_policy)
        staging.run(_STORED, rights=rights)
        from_records = _UNJUDGED
    if staging.seq:
        staging.run(_FRESH)
    if not staging.is_first:
        users = (decode_user(raw) for (raw,) in staging.stream(from_records))
        _note((user.username, right, True) for user in users for right in staging.rights_of(user))


def _note(holders: Iterable[tuple[str, str, bool]]) -> None:
    copy_in_portions('COPY sync_holder (username, "right", is_ours) FROM STDIN', holders)
