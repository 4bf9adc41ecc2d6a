"""Pages that say what they said at the last complete sync: then nobody on them has to be looked for.

Where nothing changed, that is all of them. Where a single one differs, every page is read as ever.
"""

from __future__ import annotations

from accounts_review.huwise import Client, HuwiseError
from accounts_review.models import SyncedPages, Workspace
from accounts_review.workflow.sync.known import NOT_ACCEPTED
from accounts_review.workflow.sync.passes import Pass, Passes

MANY = 20
"""From so many pages on it pays."""

_DIGEST_BYTES = 32
_LISTED = "workspace_id = %(workspace)s AND absent_since IS NULL AND gone_at IS NULL"
# In two parts, each by an index of its own.
_HOW_MANY_LISTED = f"""
SELECT (SELECT count(*) FROM accounts_review_account WHERE {_LISTED})
    - (SELECT count(*) FROM accounts_review_account WHERE {_LISTED} AND {NOT_ACCEPTED})
"""  # noqa: S608
_NOT_LISTED = """
SELECT id FROM accounts_review_account
WHERE workspace_id = %(workspace)s AND (absent_since IS NOT NULL OR gone_at IS NOT NULL)
"""


def remember(passes: Passes) -> None:
    """Keep the pages of a complete sync whose every record was stored as an account of its own.

    Those of the one before were forgotten when it was accepted.
    """
    last = passes.last
    if last.pages >= MANY and last.announced == last.counted == last.records == last.population:
        given = {"digests": b"".join(last.digests), "records": last.records}
        SyncedPages.objects.create(workspace=passes.staging.workspace, **given)


def forget_pages(workspace: Workspace) -> None:
    """What is stored is about to be something else than what the pages said."""
    SyncedPages.objects.filter(workspace=workspace).delete()


def read_as_remembered(passes: Passes, client: Client) -> bool:
    """Whether two passes in a row see on every page what the last complete sync stored; otherwise nothing was read.

    Then everybody who is listed here was seen, and nobody else: since that sync, accounts can only have left the list
    here, as when we removed them. Where one has, it may still be on its page, so that all are looked for.
    """
    staging = passes.staging
    kept = SyncedPages.objects.filter(workspace=staging.workspace).first()
    if kept is None or staging.one(_HOW_MANY_LISTED) != kept.records:
        return False
    try:
        is_so = _sees(passes, client, kept) and _sees(passes, client, kept)
    except HuwiseError:
        # Whoever reads all of it meets the error again, if it lasts, and keeps what was read until then.
        is_so = False
    if not is_so:
        passes.done.clear()
        return False
    staging.miss(_NOT_LISTED)
    staging.close_pass(1, ())
    for one in passes.done:
        one.population, one.staged = kept.records, 1
    return True


def _sees(passes: Passes, client: Client, kept: SyncedPages) -> bool:
    """Read a pass for as long as its pages are those that are kept; whether they all are."""
    one, digests = Pass(len(passes.done) + 1), bytes(kept.digests)
    passes.done.append(one)
    for page in client.users_pages():
        at = one.pages * _DIGEST_BYTES
        if digests[at : at + _DIGEST_BYTES] != page.digest:
            return False
        one.announced = page.total_count
        one.starts.append(one.unlooked)
        one.digests.append(page.digest)
        one.unlooked += len(page.views)
        passes.progress(passes)
    one.counted = client.users_count()
    is_all = one.pages * _DIGEST_BYTES == len(digests)
    return is_all and one.announced == one.counted == one.records == kept.records
