"""Examine: is the address right, is the key strong enough, and do the clocks agree?

A key that is too weak does not fail: it shows a shorter list, and everyone missing from it would look gone. So the
portal asks who it is and looks for itself, and for an administrator, in the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from accounts_review.huwise import Client, Forbidden, HuwiseError, NotFound, decode_user
from accounts_review.huwise.facts import facts_of
from accounts_review.models import Workspace
from accounts_review.policy import ALWAYS_PROTECTED

LARGEST_SKEW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: a code, whether it is as it should be, and a sentence with what to do."""

    code: str
    is_good: bool
    said: str


def examine(*, workspace: Workspace, client: Client, key_owner: str, clock: Callable[[], datetime]) -> list[Finding]:
    """Look at address, key and clocks; reads only. Never raises what the API can cause: it is a finding."""
    return list(_examine(workspace, client, key_owner, clock))


def _examine(workspace: Workspace, client: Client, key_owner: str, clock: Callable[[], datetime]) -> Iterator[Finding]:
    before = workspace.host.partition(":")[0]
    if before and before != client.host.partition(":")[0]:
        yield _bad("host", _("It was read from %(host)s before; check HUWISE_URL.") % {"host": workspace.host})
    try:
        page = client.users_page(offset=0, limit=0)
    except HuwiseError as error:
        yield _bad("reach", str(error))
        return
    yield _good(
        "reach",
        _("%(host)s answers, and lists %(count)d accounts.") % {"host": client.host, "count": page.total_count},
    )
    yield from _about_clocks(page.server_date, clock())
    yield from _about_owner(client, key_owner, clock())
    yield from _about_administrators(client)


def _about_clocks(theirs: datetime | None, ours: datetime) -> Iterator[Finding]:
    if theirs is None:
        yield _good("clock", _("The API does not say what time it is."))
        return
    seconds = {"seconds": abs(int((ours - theirs).total_seconds()))}
    if abs(ours - theirs) > LARGEST_SKEW:
        said = _("Our clock and the API's are %(seconds)d seconds apart; set this server's clock (NTP).")
        yield _bad("clock", said % seconds)
    else:
        yield _good("clock", _("Our clock and the API's agree within %(seconds)d seconds.") % seconds)


def _about_owner(client: Client, configured: str, now: datetime) -> Iterator[Finding]:
    try:
        owner = client.key_owner() or configured
    except (Forbidden, NotFound):
        owner = configured
    except HuwiseError as error:
        yield _bad("owner", str(error))
        return
    if not owner:
        said = _("The API does not say who owns our key, so nothing is revoked; set HUWISE_API_KEY_OWNER.")
        yield _bad("owner", said)
        return
    try:
        user = decode_user(client.user(owner))
    except HuwiseError as error:
        said = _("The key's owner %(owner)s cannot be read: %(error)s") % {"owner": owner, "error": error}
        yield _bad("owner", said)
        return
    facts = facts_of(user, rights_by_group=user.expanded, key_owner=owner, read_at=now)
    if ALWAYS_PROTECTED in facts.rights:
        yield _good("owner", _("The key belongs to %(owner)s, who holds edit_domain.") % {"owner": owner})
    else:
        said = _("The key belongs to %(owner)s, who does not hold edit_domain: its list may be too short.")
        yield _bad("owner", said % {"owner": owner})


def _about_administrators(client: Client) -> Iterator[Finding]:
    try:
        count = len(client.usernames_with(ALWAYS_PROTECTED))
    except HuwiseError as error:
        yield _bad("administrators", str(error))
        return
    if count:
        yield _good("administrators", _("%(count)d administrators are in the list.") % {"count": count})
    else:
        said = _("No administrator is in the list: the key is too weak to see everyone. Make one with edit_domain.")
        yield _bad("administrators", said)


def _good(code: str, said: str) -> Finding:
    return Finding(code=code, is_good=True, said=said)


def _bad(code: str, said: str) -> Finding:
    return Finding(code=code, is_good=False, said=said)
