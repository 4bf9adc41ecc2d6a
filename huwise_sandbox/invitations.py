"""Inviting and provisioning: a list in, an object keyed "0", "1", ... out."""

import re
from collections.abc import Callable
from typing import Any

from . import clock
from .listing import Selection
from .records import (
    KNOWN_PERMISSIONS,
    Record,
    group_uids,
    instant,
    own_permissions,
    user,
)
from .replies import Refusal, Reply, error, invalid
from .workspace import SandboxWorkspace

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

# What a returning member brings along: the rest belonged to the membership.
GLOBAL_FIELDS = ("display_name", "first_name", "last_name", "is_active")


def invite(workspace: SandboxWorkspace, items: Any) -> Record:
    """Make members of the given e-mail addresses, item by item.

    Somebody removed earlier comes back under the same username.
    """
    return _each(items, lambda item: _invite(workspace, item))


def provision(workspace: SandboxWorkspace, items: Any) -> Record:
    """Make members of people who log in through an identity provider."""
    return _each(items, lambda item: _provision(workspace, item))


def writable_fields(workspace: SandboxWorkspace, body: Any) -> Record:
    """Return the fields of a user that a client may set; refuse wrong values."""
    if not isinstance(body, dict):
        raise Refusal(error(400))
    _check_permissions(body)
    _check_groups(workspace, body)
    fields = {name: body[name] for name in ("permissions", "groups", "first_name", "last_name") if name in body}
    if "groups" in fields:
        fields["groups"] = [{"uid": uid} for uid in group_uids(body)]
    return fields


def _each(items: Any, make: Callable[[Any], Record]) -> Record:
    if not isinstance(items, list):
        raise Refusal(invalid(non_field_errors=["Expected a list of items."]))
    return {str(place): _outcome(make, item) for place, item in enumerate(items)}


def _outcome(make: Callable[[Any], Record], item: Any) -> Record:
    try:
        return {"status_code": "success", "data": make(item)}
    except Refusal as refusal:
        return {"status_code": "error", "error": refusal.reply.payload}


def _invite(workspace: SandboxWorkspace, item: Any) -> Record:
    fields = writable_fields(workspace, item)
    email = _email(item)
    with workspace.lock:
        _refuse_member(workspace, email)
        former = workspace.former_member(email) or {"is_active": False}
        identity = {name: former[name] for name in GLOBAL_FIELDS if name in former}
        wish = former.get("username") or email.partition("@")[0]
        return _join(workspace, user(_free(workspace, wish), email, **(identity | fields)))


def _provision(workspace: SandboxWorkspace, item: Any) -> Record:
    fields = writable_fields(workspace, item)
    provider = item.get("identity_provider")
    if not (isinstance(provider, dict) and provider.get("uid")):
        raise Refusal(invalid(identity_provider=["This field is required"]))
    email = _email(item) if item.get("email") else None
    username = item.get("username") or email
    if not isinstance(username, str):
        raise Refusal(invalid(username=["This field is required"]))
    local = {
        "account_type": "local",
        "identity_providers": [{"uid": provider["uid"]}],
    }
    with workspace.lock:
        _refuse_member(workspace, email)
        if workspace.user(username):
            raise Refusal(_already_member())
        return _join(workspace, user(username, email, **(local | fields)))


def _join(workspace: SandboxWorkspace, record: Record) -> Record:
    return workspace.put(record | {"joined_at": instant(clock.now())})


def _email(item: Record) -> str:
    email = item.get("email")
    if not email:
        raise Refusal(invalid(email=["This field is required"]))
    if not (isinstance(email, str) and EMAIL.fullmatch(email)):
        raise Refusal(invalid(email=["Enter a valid email address."]))
    return email


def _refuse_member(workspace: SandboxWorkspace, email: str | None) -> None:
    if email is None:
        return
    alike = workspace.users(Selection(search=email.casefold()))
    if any(str(u.get("email") or "").casefold() == email.casefold() for u in alike):
        raise Refusal(_already_member())


def _already_member() -> Reply:
    # An invented code, after the predecessor API's "already-member".
    return error(400, "already_member", "This user is already a member.")


def _free(workspace: SandboxWorkspace, wish: str) -> str:
    taken = workspace.usernames()
    number, username = 1, wish
    while username in taken:
        number += 1
        username = f"{wish}{number}"
    return username


def _check_permissions(body: Record) -> None:
    wanted = body.get("permissions", [])
    if not isinstance(wanted, list):
        raise Refusal(invalid(permissions=["Expected a list of items."]))
    known = [p for p in own_permissions(body) if p in KNOWN_PERMISSIONS]
    unknown = [str(p) for p in wanted if p not in known]
    if unknown:
        raise Refusal(invalid(permissions=[f"Unknown: {', '.join(unknown)}."]))


def _check_groups(workspace: SandboxWorkspace, body: Record) -> None:
    wanted = body.get("groups", [])
    if not isinstance(wanted, list) or len(group_uids(body)) != len(wanted):
        raise Refusal(invalid(groups=["Expected a list of objects with a uid."]))
    unknown = [u for u in group_uids(body) if not workspace.group_exists(u)]
    if unknown:
        raise Refusal(invalid(groups=[f"Unknown: {', '.join(unknown)}."]))
