"""What the last complete sync saw, kept page by page: then only who differs has to be looked for.

A page that is what it was is not looked into. On any other, a record that is what it was stands where it stood, or
near; nearly always all others are new or changed, and the database is not asked for the digests of everybody.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from django.db import connection

from accounts_review.huwise import Client, HuwiseError
from accounts_review.huwise.records import DIGEST_BYTES
from accounts_review.models import SyncedPage, Workspace
from accounts_review.models.copying import copy
from accounts_review.workflow.sync.known import ACCEPTED, STRANGE, Known
from accounts_review.workflow.sync.one_pass import Pass
from accounts_review.workflow.sync.passes import Passes
from accounts_review.workflow.sync.staging import FRESH, NEVER_ACCEPTED

MANY = 20
"""From so many pages on it pays."""
NEAR = 50
"""So many records may come or leave at one place of the list, and those behind them are found still."""
FEW, SHARE = 100, 20
"""Where more are strange than that, or than one in so many, their places tell nothing."""

_AT_A_TIME = 50
_LISTED = "workspace_id = %(workspace)s AND absent_since IS NULL AND gone_at IS NULL"
_HOW_MANY_LISTED = f"SELECT count(*) FROM accounts_review_account WHERE {_LISTED}"  # noqa: S608
_OF_THEM_NOT_ACCEPTED = f"{_HOW_MANY_LISTED} AND id IN (SELECT id FROM sync_unseen)"  # noqa: S608
_NOT_LISTED = """
SELECT id FROM accounts_review_account
WHERE workspace_id = %(workspace)s AND (absent_since IS NOT NULL OR gone_at IS NOT NULL)
"""
_KEYS = f"""
SELECT id FROM accounts_review_account WHERE workspace_id = %s AND {ACCEPTED} AND digest = ANY(%s)
"""  # noqa: S608
_IS_ANY_STORED = f"""
SELECT EXISTS (
    SELECT FROM sync_record record JOIN accounts_review_account account
        ON md5(account.username) = md5(record.name) AND account.username = record.name
    WHERE account.workspace_id = %(workspace)s AND {ACCEPTED.replace("digest", "account.digest")}
        AND account.digest = record.digest AND {FRESH}
)
"""  # noqa: S608


class _Lost(Exception):
    """The list is no longer in the order in which it was remembered."""


@dataclass(slots=True)
class Remembered(Known):
    """The records that the last complete sync saw, each at its place in the list."""

    workspace: Workspace = field(kw_only=True)
    members: bytearray = field(kw_only=True)
    are_distinct: bool = True
    _moved: int = 0
    """How far those read last had moved from the place at which they were remembered."""
    _strangers: int = 0

    def __len__(self) -> int:
        return len(self.members) // DIGEST_BYTES

    def place_of(self, digest: bytes, near: int = 0) -> int:
        """Where in the list the record was that has this digest, or :data:`STRANGE`, also where it was far away."""
        members, place = self.members, max(0, near + self._moved)
        at = place * DIGEST_BYTES
        if members[at : at + DIGEST_BYTES] == digest:
            return place
        at = members.find(digest, max(0, place - NEAR) * DIGEST_BYTES, (place + NEAR + 1) * DIGEST_BYTES)
        if at >= 0 and not at % DIGEST_BYTES:
            place = at // DIGEST_BYTES
            self._moved = place - near
            return place
        self._strangers += 1
        if self._strangers > max(FEW, len(self) // SHARE):
            raise _Lost
        return STRANGE

    def keys_of_unseen(self, seen: bytearray) -> list[int]:
        """The accounts whose record was not seen; few, as most others are strange then."""
        starts = (place * DIGEST_BYTES for place, is_seen in enumerate(seen) if not is_seen)
        digests = [self.members[at : at + DIGEST_BYTES].hex() for at in starts]
        if not digests:
            return []
        with connection.cursor() as cursor:
            cursor.execute(_KEYS, [self.workspace.pk, digests])
            keys = [key for (key,) in cursor]
        if len(keys) != len(digests):
            raise _Lost
        return keys


def remember(passes: Passes) -> None:
    """Keep the pages of a complete sync whose every record was stored as an account of its own; no others are kept."""
    last, workspace = passes.last, passes.staging.workspace
    is_certain = last.announced == last.counted == last.records == last.population
    digests = last.digests if last.pages >= MANY and is_certain else []
    kept = SyncedPage.objects.filter(workspace=workspace).order_by("number").values_list("digest", flat=True)
    if list(map(bytes, kept)) == digests:
        return
    forget_pages(workspace)
    pages = ((workspace.pk, page, digest, last.members_of(page)) for page, digest in enumerate(digests))
    copy("COPY accounts_review_syncedpage (workspace_id, number, digest, members) FROM STDIN", pages)


def forget_pages(workspace: Workspace) -> None:
    """What is stored is about to be something else than what the pages said."""
    SyncedPage.objects.filter(workspace=workspace).delete()


def read_beside_remembered(passes: Passes, client: Client) -> bool:
    """Read as ever, beside the pages that the last complete sync saw; whether that was a complete sync.

    Otherwise nothing was read, as far as anybody can tell: whoever reads all of it meets the same error of the API
    again, if it lasts, and tells what is wrong with the list.
    """
    try:
        is_so = _is_read(passes, client)
    except (HuwiseError, _Lost):
        is_so = False
    if not is_so:
        passes.start_again()
    return is_so


def _is_read(passes: Passes, client: Client) -> bool:
    """As long as all who are listed here are those on the pages, whoever is found there is known, and nobody else.

    Since that sync accounts can only have left the list here, as when we removed them, so that to count is enough.
    """
    staging = passes.staging
    kept = _kept(staging.workspace)
    if not kept.pages:
        return False
    # Before they are counted: who leaves the list in between makes the count differ.
    staging.miss(NEVER_ACCEPTED)
    staging.miss(_NOT_LISTED)
    # In this order, whoever leaves in between is missing, and nobody is counted in their stead.
    not_accepted = staging.one(_OF_THEM_NOT_ACCEPTED)
    if staging.one(_HOW_MANY_LISTED) - not_accepted != kept.records:
        return False
    passes.known = Remembered(workspace=staging.workspace, members=kept.members)
    passes.read_until_alike(client, before=kept)
    is_whole = not passes.problems and passes.last.is_whole
    # Who is stored was far from the place, or is listed again.
    return is_whole and not (staging.seq and staging.one(_IS_ANY_STORED))


def _kept(workspace: Workspace) -> Pass:
    """The pages that are remembered, as a pass that saw them."""
    kept = Pass(0)
    pages = SyncedPage.objects.filter(workspace=workspace).order_by("number").values_list("digest", "members")
    for digest, members in pages.iterator(chunk_size=_AT_A_TIME):
        kept.starts.append(len(kept.members) // DIGEST_BYTES)
        kept.digests.append(bytes(digest))
        kept.members += members
    kept.places = array("i", range(len(kept.members) // DIGEST_BYTES))
    return kept
