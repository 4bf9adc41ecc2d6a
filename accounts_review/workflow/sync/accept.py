"""Accepting a sync: at once where it looks right, or after a person has looked; until then it is quarantined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from itertools import islice

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.huwise import GroupRecord, decode_user, digest_of
from accounts_review.models import Account, HeldSync, Sync, Workspace, indexes, permit
from accounts_review.models.rewrite import wait_to_rewrite
from accounts_review.workflow.sync.remembered import forget_pages
from accounts_review.workflow.sync.staged_record import StagedRecord, record_of
from accounts_review.workflow.sync.staging import BATCH, FRESH, UNCHANGED, Staging
from accounts_review.workflow.sync.staging import staging as staging_of
from accounts_review.workflow.sync.store import Stored, hold, store, store_disputed, store_rights, to_judge

_KEEP_UNCHANGED = f"""
UPDATE accounts_review_heldsync SET unchanged = ARRAY(
    SELECT account.id FROM accounts_review_account account WHERE {UNCHANGED} ORDER BY account.id
) WHERE sync_id = %(held)s
"""  # noqa: S608
_KEEP_RECORDS = f"""
INSERT INTO accounts_review_heldrecord (held_sync_id, raw)
SELECT %(held)s, coalesce(record.odd, convert_to(record.raw, 'UTF8')) FROM sync_record record
WHERE {FRESH} ORDER BY record.page, record.seq
"""  # noqa: S608
_UNSEEN = """
SELECT id FROM accounts_review_account WHERE workspace_id = %(workspace)s EXCEPT
SELECT unnest(unchanged) FROM accounts_review_heldsync WHERE sync_id = %(held)s
"""


class NothingToAccept(ValueError):
    """The dates of an account are not in doubt, or no reason is given for accepting them."""


@transaction.atomic
def accept_dates(*, account: Account, actor: User, reason: str, now: datetime) -> None:
    """Take an account's dates for what they say, although they are earlier than before, or gone (law 1).

    Raises ``PermissionDenied`` and :class:`NothingToAccept`.
    """
    permit(actor, "administer", account.workspace)
    if not reason.strip():
        raise NothingToAccept(_("Give a reason; it is recorded in the audit."))
    held = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if held.lost_activity_at is None:
        raise NothingToAccept(_("The dates of this account are not in doubt; there is nothing to accept."))
    data = {
        "reason": reason,
        "lost": held.lost_activity_at.isoformat(),
        "activity": held.accepted_activity_at.isoformat() if held.accepted_activity_at else None,
    }
    held.lost_activity_at = None
    held.save(update_fields=["lost_activity_at"])
    audit.log([held], kind=Event.ACCOUNT_DATES_ACCEPTED, actor=actor.get_username(), now=now, data=data)


def accept(
    staging: Staging,
    *,
    groups: list[GroupRecord],
    key_owner: str,
    disputed: Mapping[str, list[str]],
    by_a_person: bool = False,
    now: datetime,
) -> Stored:
    """Take everything that a sync saw for what is so; joins the caller's transaction."""
    hold(staging, disputed)
    stored = store(staging, by_a_person=by_a_person, now=now)
    store_rights(staging.workspace, groups, key_owner)
    store_disputed(staging, disputed)
    stored.to_judge = to_judge(staging)
    return stored


def keep(
    sync: Sync, staging: Staging, *, groups: Iterable[GroupRecord], key_owner: str, disputed: Mapping[str, list[str]]
) -> None:
    """Quarantine a sync, in place of any other of the workspace."""
    HeldSync.objects.filter(sync__workspace=sync.workspace).delete()
    held = HeldSync.objects.create(
        sync=sync,
        groups=[asdict(group) for group in groups],
        key_owner=key_owner,
        disputed=disputed,
    )
    staging.run(_KEEP_UNCHANGED, held=held.pk)
    staging.run(_KEEP_RECORDS, held=held.pk)


def accept_held(workspace: Workspace, held: HeldSync) -> Stored:
    """Use a quarantined sync, with all its dates: a person has decided so."""
    wait_to_rewrite(workspace)
    forget_pages(workspace)
    # The dates are judged as of when they were read, and so is their age.
    now = held.sync.started_at
    with staging_of(workspace, read_at=now) as staging, indexes.keeping_unique(Account):
        staging.note_newest()
        raws = held.records.order_by("pk").values_list("raw", flat=True).iterator(chunk_size=BATCH)
        while batch := list(islice(raws, BATCH)):
            staging.add(1, 0, (_record(bytes(raw), now) for raw in batch), most=len(batch))
        # It names all who were not seen, whatever is known of them today.
        staging.miss(_UNSEEN, held=held.pk)
        staging.close_pass(1, ())
        return accept(
            staging,
            groups=[_group(given) for given in held.groups],
            key_owner=held.key_owner,
            disputed=held.disputed,
            by_a_person=True,
            now=now,
        )


def _record(raw: bytes, now: datetime) -> StagedRecord:
    return record_of(decode_user(raw), raw, digest_of(raw).hex(), at=now)


def _group(given: Mapping[str, object]) -> GroupRecord:
    """A group as it was kept; JSON knows no tuples."""
    permissions = given["permissions"]
    return GroupRecord(**{**given, "permissions": None if permissions is None else tuple(permissions)})  # type: ignore
