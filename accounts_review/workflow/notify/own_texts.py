"""The words in which a workspace writes to people, where they are not the portal's.

A text names what differs from person to person in braces, such as ``{name}``. Nothing else in it is more than text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import EmailText, Workspace, permit
from accounts_review.rules.addresses import usable_for_mail
from accounts_review.rules.names import has_controls
from accounts_review.wording.numbers import counted

PLACEHOLDER = re.compile(r"\{(\w*)\}")
EVERYWHERE = ("name", "username", "portal", "why", "contact")
OF_KIND: dict[str, tuple[str, ...]] = {
    "": (),
    "notice": ("promised", "link"),
    "reminder": ("promised", "link"),
    "closing": ("removed",),
    "kept": ("warned",),
}
"""What the text of an e-mail may name beside what all may."""
NEEDED = {"notice": ("promised", "link"), "reminder": ("promised", "link")}
"""What its body must name: without the date there is no promise, and without the link no way to answer it."""
PARTS = {"": ("greeting", "signature", "sender_name", "reply_to")}
LONGEST = {"subject": 200, "sender_name": 100, "reply_to": 254, "greeting": 500, "signature": 2_000, "body": 10_000}
IN_LINES = ("greeting", "signature", "body")

Texts = Mapping[tuple[str, str], str]
"""Texts of a workspace in one language, by the e-mail ("" for all of them) and the part."""
TextsOf = Callable[[Workspace, str], Texts]
"""As :func:`texts_of`, or what remembers for one run what it said."""


def parts_of(kind: str) -> tuple[str, ...]:
    """The parts that can be changed of an e-mail, or of all where ``kind`` is empty."""
    return PARTS.get(kind, ("subject", "body"))


def placeholders(kind: str, part: str = "body") -> tuple[str, ...]:
    """What a text may name in braces; a subject not the link, which is readable wherever subjects are listed."""
    return tuple(name for name in (*EVERYWHERE, *OF_KIND[kind]) if (part, name) != ("subject", "link"))


def texts_of(workspace: Workspace, language: str) -> Texts:
    """What the workspace says in its own words in a language."""
    held = EmailText.objects.filter(workspace=workspace, language=language)
    return {(kind, part): text for kind, part, text in held.values_list("kind", "part", "text")}


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with the values in the places of their names."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def problems(kind: str, part: str, text: str) -> Iterator[str]:
    """What is wrong with a text, one sentence each."""
    if len(text) > LONGEST[part]:
        yield _("At most %(longest)s characters.") % counted({"longest": LONGEST[part]})
    if has_controls(text, but="\n" if part in IN_LINES else ""):
        yield _("One line without control characters, please.") if part not in IN_LINES else _("No control characters.")
    if part == "reply_to":
        if text and not usable_for_mail(text):
            yield _("This must be one e-mail address, such as help@example.org.")
        return
    if part == "sender_name":
        if re.search(r"[{}]", text):
            yield _("A sender name cannot contain placeholders or braces.")
        return
    yield from _problems_of_placeholders(kind, part, text)


def _problems_of_placeholders(kind: str, part: str, text: str) -> Iterator[str]:
    known, named = placeholders(kind, part), PLACEHOLDER.findall(text)
    for name in dict.fromkeys(named):
        if name not in known:
            listed = ", ".join(f"{{{each}}}" for each in known)
            yield _("{%(name)s} is not known here. You can use %(listed)s.") % {"name": name, "listed": listed}
    if re.search(r"[{}]", PLACEHOLDER.sub("", text)):
        yield _("There is a single brace. Write placeholders as {name}.")
    for name in NEEDED.get(kind, ()) if part == "body" and text else ():
        if name not in named:
            yield _("{%(name)s} is missing: everyone has to be told this.") % {"name": name}


@transaction.atomic
def save(
    *, workspace: Workspace, language: str, kind: str, texts: Mapping[str, str], actor: User, now: datetime
) -> None:
    """Keep the texts of one e-mail, or of all; one that is empty is the portal's again.

    Raises ``PermissionDenied``; and ``ValueError`` for a text with problems.
    """
    permit(actor, "administer", workspace)
    for part, text in texts.items():
        if found := list(problems(kind, part, text)):
            raise ValueError(*found)
    held = EmailText.objects.filter(workspace=workspace, language=language, kind=kind)
    before = dict(held.values_list("part", "text"))
    changed = sorted(part for part, text in texts.items() if before.get(part, "") != text)
    for part in changed:
        known: dict[str, Any] = {"workspace": workspace, "language": language, "kind": kind, "part": part}
        if texts[part]:
            EmailText.objects.update_or_create(**known, defaults={"text": texts[part]})
        else:
            EmailText.objects.filter(**known).delete()
    if changed:
        data: dict[str, Any] = {"language": language, "email": kind, "fields": ", ".join(changed)}
        data |= {"texts": {part: texts[part] for part in changed}}
        audit.log([workspace], kind=Event.WORKSPACE_EMAILS_CHANGED, actor=actor.get_username(), now=now, data=data)
