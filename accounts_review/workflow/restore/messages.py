"""What a person is told of an attempt to invite somebody back, in clauses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from django.utils.translation import gettext as _

from accounts_review.huwise import (
    HuwiseError,
    Invitee,
    Redirected,
    ServerFault,
    UnexpectedAnswer,
    Unreachable,
    UserRecord,
)


def kind_of_failure(error: HuwiseError) -> str:
    """What is to be told beside the error, as a code; "" where that is all."""
    if error.error_code.replace("-", "_") == "already_member":
        return "already_member"
    maybe_sent = isinstance(error, Unreachable) and error.sent is not False
    return "maybe_sent" if maybe_sent or isinstance(error, Redirected | ServerFault | UnexpectedAnswer) else ""


def on_failure(error: HuwiseError) -> str:
    """Why it did not work, and whether it may have worked all the same."""
    match kind_of_failure(error):
        case "already_member":
            return _("is already a member again; the next sync will show it")
        case "maybe_sent":
            return f"{error} " + _("The invitation may have been sent; the next sync will show it.")
    return str(error)


def on_success(
    *,
    before: UserRecord,
    given: Invitee,
    answer: UserRecord,
    groups_gone: Iterable[str],
    rights_by_group: Mapping[str, tuple[str, ...] | None],
) -> Iterator[str]:
    """How the person's membership is not what it was before: what is lost, and what has changed meanwhile."""
    yield _("not restored: API keys, rights on individual datasets and pages, follows and saved items")
    if groups_gone:
        yield _("groups that no longer exist: %(names)s") % {"names": ", ".join(groups_gone)}
    if withheld := _withheld(given, answer):
        yield _("not granted by the workspace: %(names)s") % {"names": ", ".join(withheld)}
    if before.expires_at:
        yield _("the rights ended on %(end)s, which the API cannot restore") % {"end": before.expires_at}
    if answer.username not in ("", before.username):
        yield _("the username is now %(username)s") % {"username": answer.username}
    for uid in given.groups:
        gained = set(rights_by_group[uid] or ()) - set(before.expanded.get(uid) or ())
        if gained and uid in before.expanded:
            names = {"group": uid, "names": ", ".join(sorted(gained))}
            yield _("group %(group)s gives more than it did: %(names)s") % names


def _withheld(given: Invitee, answer: UserRecord) -> list[str]:
    """What was asked for and is not in the answer, as far as the answer tells."""
    groups = set() if answer.groups is None else set(given.groups) - set(answer.groups)
    permissions = set() if answer.permissions is None else set(given.permissions) - set(answer.permissions)
    return sorted(groups | permissions)
