"""Connection check: is the address right, is the key strong enough, and do the clocks agree?

A key that is too weak does not fail: it shows a shorter list, and everyone missing from it would look gone. So the
portal asks who it is and looks for itself, and for an administrator, in the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from accounts_review.facts import facts_of, signs_of
from accounts_review.huwise import Client, Forbidden, HuwiseError, NotFound, Refused, UnexpectedAnswer, decode_user
from accounts_review.models import Account, ConnectionCheck, Sync, Workspace
from accounts_review.rules.breaker import first_checks
from accounts_review.rules.names import as_listed
from accounts_review.rules.policy import ALWAYS_PROTECTED
from accounts_review.wording.findings import Found, of_error

LARGEST_SKEW = timedelta(seconds=60)


def check_connection(
    *, workspace: Workspace, client: Client, key_owner: str, clock: Callable[[], datetime]
) -> ConnectionCheck:
    """Check address, key and clocks, and store the findings; reads only.

    Never raises what the API can cause: it is a finding.
    """
    findings = look(client=client, key_owner=key_owner, clock=clock, workspace=workspace)
    return ConnectionCheck.objects.create(workspace=workspace, at=clock(), findings=findings)


def look(
    *, client: Client, key_owner: str, clock: Callable[[], datetime], workspace: Workspace | None = None
) -> list[Found]:
    """The same without keeping it; also for what is not a workspace of the portal yet."""
    return list(_look(workspace, client, key_owner, clock))


def record_failure(*, workspace: Workspace, error: str, now: datetime) -> ConnectionCheck:
    """Keep that a workspace could not even be looked at, and why; the text is shown to people."""
    findings = [{"code": "not_checked", "is_good": False, "error": error}]
    return ConnectionCheck.objects.create(workspace=workspace, at=now, findings=findings)


def _look(
    workspace: Workspace | None, client: Client, key_owner: str, clock: Callable[[], datetime]
) -> Iterator[Found]:
    before = workspace.read_from.partition(":")[0] if workspace else ""
    if workspace and before and before != client.host.partition(":")[0]:
        yield _bad("host", before=workspace.host, host=client.host)
    try:
        page = client.users_page(offset=0, limit=0)
    except HuwiseError as error:
        yield _failed("api", error)
        return
    yield _good("reach", host=client.host, count=page.total_count)
    yield _about_clocks(page.server_date, clock())
    administrators = _administrators(client)
    yield _about_owner(workspace, client, key_owner, administrators, clock())
    yield _about_administrators(administrators)
    yield _about_use(workspace, client, clock())


def _about_clocks(theirs: datetime | None, ours: datetime) -> Found:
    if theirs is None:
        return _good("clock_unsaid")
    seconds = abs(int((ours - theirs).total_seconds()))
    is_skewed = abs(ours - theirs) > LARGEST_SKEW
    return _bad("clock_skewed", seconds=seconds) if is_skewed else _good("clock", seconds=seconds)


def _administrators(client: Client) -> set[str] | HuwiseError:
    try:
        return client.usernames_with(ALWAYS_PROTECTED)
    except HuwiseError as error:
        return error


def _about_owner(
    workspace: Workspace | None, client: Client, configured: str, administrators: set[str] | HuwiseError, now: datetime
) -> Found:
    # As a sync has it.
    stands_in = configured or (workspace.key_owner if workspace else "")
    try:
        owner = client.key_owner() or stands_in
    except (Forbidden, NotFound, Refused, UnexpectedAnswer):
        owner = stands_in
    except HuwiseError as error:
        return _failed("owner_unknown", error)
    if not owner:
        return _bad("owner_unknown")
    listed = Account.objects.filter(workspace=workspace).listed()
    read = listed.filter(username__iexact=owner.strip()).values_list("username", flat=True)
    known = set() if isinstance(administrators, HuwiseError) else administrators
    owner = as_listed(owner, {*known, *read}) or owner
    try:
        user = decode_user(client.user(owner))
    except HuwiseError as error:
        return _failed("owner_unreadable", error, owner=owner)
    facts = facts_of(user, rights_by_group=user.expanded, key_owner=owner, read_at=now)
    is_strong = ALWAYS_PROTECTED in facts.rights
    return _good("owner", owner=owner) if is_strong else _bad("owner_weak", owner=owner)


def _about_administrators(administrators: set[str] | HuwiseError) -> Found:
    if isinstance(administrators, HuwiseError):
        return _failed("api", administrators)
    count = len(administrators)
    return _good("administrators", count=count) if count else _bad("administrators_missing")


def _about_use(workspace: Workspace | None, client: Client, now: datetime) -> Found:
    """Whether the list says of anybody that the account was used; a signal missing for everybody is none."""
    try:
        users = [decode_user(raw) for raw in client.users_page(offset=0).records]
    except HuwiseError as error:
        return _failed("api", error)
    signs = signs_of(users, read_at=now)
    tripped = [check.code for check in first_checks(signs) if check.tripped]
    numbers = {"listed": signs.listed, "seen": signs.seen, "never_used": signs.never_used}
    if not tripped:
        return _good("use", **numbers)
    # A person who has accepted a sync like this knows it.
    accepted = Sync.objects.filter(workspace=workspace, state=Sync.State.COMPLETE)
    is_known = accepted.filter(checks__contains=[{"code": tripped[0], "tripped": True}]).exists()
    return {"code": tripped[0], "is_good": is_known} | numbers


def _good(code: str, **facts: object) -> Found:
    return {"code": code, "is_good": True} | facts


def _bad(code: str, **facts: object) -> Found:
    return {"code": code, "is_good": False} | facts


def _failed(code: str, error: HuwiseError, **facts: str) -> Found:
    return of_error(code, error, **facts) | {"is_good": False}
