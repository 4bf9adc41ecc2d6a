"""Inviting one person: what is sent, and what the answer says became of it.

Both endpoints take a list and answer 200 with an object keyed "0", "1", ...: a refusal hides inside a success
(domain.md 6.21). What the API calls read-only or deprecated is never sent back to it (domain.md 6.31).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import HuwiseError, Refused, UnexpectedAnswer, one_line
from .records import UserRecord, decode_user, storable
from .wire import loads, read_object

DEEPEST_DETAIL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitee:
    """Who is to become a member, and with which rights.

    A local account exists only through its ``identity_provider``, which makes its username: it is provisioned.
    Everybody else has an account of their own with the vendor, and is invited by e-mail.
    """

    username: str
    email: str
    first_name: str
    last_name: str
    groups: tuple[str, ...]
    permissions: tuple[str, ...]
    explore_limits: Mapping[str, Mapping[str, Any]]
    identity_provider: str
    is_local: bool


def person_of(raw: bytes | str) -> Invitee:
    """Who the raw record of a user describes.

    :raises UnexpectedAnswer: it is not a JSON object.
    """
    user = decode_user(raw)
    members = read_object(raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass"))
    return Invitee(
        username=user.username,
        email=user.email,
        first_name=user.first_name,
        last_name=user.last_name,
        groups=user.groups or (),
        permissions=user.permissions or (),
        explore_limits=_limits(loads(members.get("explore_limits", b"null"))),
        identity_provider=_first_uid(loads(members.get("identity_providers", b"null"))),
        is_local=user.account_type == "local",
    )


def invitation(person: Invitee) -> list[dict[str, Any]]:
    """The body of ``POST /users/invite/``."""
    return [_writable(person)]


def provision(person: Invitee) -> list[dict[str, Any]]:
    """The body of ``POST /users/provision/``."""
    provider = {"identity_provider": {"uid": person.identity_provider}}
    return [{"username": person.username} | _writable(person) | provider]


def member_in(body: bytes, *, doing: str, status: int, redact: Callable[[str], str]) -> UserRecord | HuwiseError:
    """Who the answer says is a member now, or the error to raise.

    It is given back, not raised, so that no traceback leads to the body; ``redact`` removes the API key from texts.
    """
    try:
        outcome = _outcome(body, redact)
    except UnexpectedAnswer as problem:
        outcome = problem.with_traceback(None)
    if isinstance(outcome, HuwiseError):
        outcome.doing, outcome.status = doing, status
    return outcome


def _writable(person: Invitee) -> dict[str, Any]:
    texts = {"email": person.email, "first_name": person.first_name, "last_name": person.last_name}
    item: dict[str, Any] = {name: text for name, text in texts.items() if text}
    # Also where they are empty: a workspace may have default rights for whoever does not say.
    item["groups"] = [{"uid": uid} for uid in person.groups]
    item["permissions"] = list(person.permissions)
    if person.explore_limits:
        item["explore_limits"] = dict(person.explore_limits)
    return item


def _outcome(body: bytes, redact: Callable[[str], str]) -> UserRecord | HuwiseError:
    item = read_object(body).get("0")
    if item is None:
        raise UnexpectedAnswer(message="it does not say what became of the person")
    reply = read_object(item)
    match loads(reply.get("status_code", b"null")):
        case "success":
            return decode_user(reply.get("data", b"null"))
        case "error":
            return _refusal(loads(reply.get("error", b"null")), redact)
        case _:
            raise UnexpectedAnswer(message="it says neither success nor error")


def _refusal(error: object, redact: Callable[[str], str]) -> Refused:
    given = error if isinstance(error, dict) else {"message": error}
    code, trace = (_words(given.get(name)) for name in ("error_code", "trace_id"))
    message = ". ".join(filter(None, (_words(given.get(name)).rstrip(".") for name in ("message", "detail"))))
    return Refused(
        error_code=one_line(redact(code)),
        trace_id=one_line(redact(trace)),
        message=one_line(redact(message)),
    )


def _words(detail: object, depth: int = 0) -> str:
    """An error's detail as people say it: ``email: Enter a valid email address.``"""
    if depth > DEEPEST_DETAIL:
        return ""
    match detail:
        case str():
            return storable(detail)
        case dict():
            return "; ".join(f"{storable(str(name))}: {_words(value, depth + 1)}" for name, value in detail.items())
        case list():
            return ", ".join(_words(value, depth + 1) for value in detail)
        case None:
            return ""
        case _:
            return str(detail)


def _limits(given: object) -> dict[str, dict[str, Any]]:
    """Quotas of the documented shape, such as ``{"api_calls": {"limit": 2000, "unit": "day"}}``."""
    limits = given if isinstance(given, dict) else {}
    return {
        name: limit
        for name, limit in limits.items()
        if isinstance(limit, dict) and all(isinstance(part, str | int | float) for part in limit.values())
    }


def _first_uid(providers: object) -> str:
    for provider in providers if isinstance(providers, list) else ():
        uid = provider.get("uid") if isinstance(provider, dict) else None
        if isinstance(uid, str) and uid:
            return storable(uid)
    return ""
