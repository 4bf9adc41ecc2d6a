"""Preflight: whether host, key and clock are still those that the workspace was read with, before anything is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from accounts_review.huwise import Client, Forbidden, HuwiseError, NotFound, Refused, UnexpectedAnswer, stops_cleanup
from accounts_review.models import Workspace
from accounts_review.rules.names import folded
from accounts_review.wording.findings import Found
from accounts_review.workflow.revoke.delete_call import failure_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why nothing can be revoked now, and whether the clean-ups stop for it until somebody has looked."""

    why: Found
    stops: bool


def preflight(
    workspace: Workspace, client: Client, *, clock: Callable[[], datetime], largest_skew: timedelta | None
) -> Trouble | None:
    """Ask the workspace who we are and what time it is; ``None`` where all is as it should be.

    A promise would come early by a clock that is ahead; ``largest_skew`` is how far the two may be apart, ``None``
    where the clock is not this machine's.
    """
    try:
        owner = _key_owner(workspace, client)
        theirs = client.users_page(offset=0, limit=0).server_date if largest_skew is not None else None
    except HuwiseError as error:
        log.warning("the workspace cannot be asked who we are", error=str(error))
        return Trouble(failure_of(error), stops_cleanup(error))
    if client.host != workspace.host:
        return Trouble({"code": "host", "before": workspace.host, "host": client.host}, stops=True)
    # Where no owner is known, the gate lets nobody pass.
    if workspace.key_owner and folded(owner) != folded(workspace.key_owner):
        return Trouble({"code": "caller_changed", "before": workspace.key_owner, "owner": owner}, stops=True)
    if theirs is not None and largest_skew is not None and (skew := abs(clock() - theirs)) > largest_skew:
        return Trouble({"code": "clock_skewed", "seconds": round(skew.total_seconds())}, stops=True)
    return None


def _key_owner(workspace: Workspace, client: Client) -> str:
    try:
        return client.key_owner() or workspace.key_owner
    except (Forbidden, NotFound, Refused, UnexpectedAnswer):
        # The key may read users and not keys; the owner known from the last sync stands in.
        return workspace.key_owner
