"""The e-mails to people whose access may be removed, composed and not yet sent.

Each is text and HTML in the workspace's language, from ``templates/emails/<kind>/``. Composed again, it has the same
Message-ID, so that a mail server recognises one that a crash made us send twice. Usernames and names are made one
printable line, so they cannot break a header or the text around them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.utils import formataddr, parseaddr
from functools import lru_cache
from hashlib import sha256
from typing import Any
from unicodedata import bidirectional
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.signing import BadSignature, Signer
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from accounts_review.models import Account, Case, Workspace
from accounts_review.rules.addresses import usable_for_mail
from accounts_review.rules.lifecycle import CaseState
from accounts_review.wording import instants, unused
from accounts_review.workflow.notify.own_texts import TextsOf, filled, placeholders, texts_of
from accounts_review.workflow.notify.rendering import rendered

VALUES = {
    **{name: name for name in ("name", "username", "why", "contact", "promised", "removed", "warned", "link")},
    "portal": "host",
}
"""What a text of a workspace's own may name: what the templates call it."""
KINDS = ("notice", "reminder", "closing", "kept")
LONGEST_NAME = 150
RIGHT_TO_LEFT = ("R", "AL", "AN")
ISOLATE, END_OF_ISOLATE = "\u2068", "\u2069"
_TOKEN = re.compile(r"(/answer/)[^/\s]+")
HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
"""What keeps holiday answers away."""


def _signer() -> Signer:
    """Signs by today's key, and knows what former ones have signed."""
    return Signer(salt="accounts_review.answer", sep=".")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Whom an e-mail is written to."""

    username: str
    email: str
    name: str = ""


def notice(case: Case, *, promised: datetime, texts: TextsOf = texts_of) -> EmailMultiAlternatives:
    """The warning with the date; one sent again after a bounce is a new e-mail."""
    kind = f"notice-{case.promised_at:%Y%m%d}" if case.promised_at else "notice"
    return _of_case(case, "notice", texts=texts, message_id=_message_id(case, kind), promised=promised)


def reminder(case: Case, *, days: int, texts: TextsOf = texts_of) -> EmailMultiAlternatives:
    """The date again, so many days before it."""
    message_id = _message_id(case, f"reminder-{days}-{case.promised_at:%Y%m%d}")
    return _of_case(case, "reminder", texts=texts, message_id=message_id, promised=case.promised_at)


def closing(case: Case, *, texts: TextsOf = texts_of) -> EmailMultiAlternatives:
    """What was removed, and whom to ask for it back; also where that came out after the case had ended otherwise."""
    asked = _asked_to_leave(case)
    more = {"asked": asked, "kept_too_late": case.answer is not None and not asked}
    message_id = _message_id(case, "closing")
    removed = case.moved_at
    if case.state not in (CaseState.REVOKED, CaseState.ALREADY_GONE):
        removed = case.intended_at or case.account.gone_at or case.account.absent_since or removed
    return _of_case(case, "closing", more, texts=texts, message_id=message_id, removed=removed)


def kept(case: Case, *, texts: TextsOf = texts_of) -> EmailMultiAlternatives:
    """The threat is over: why somebody who was warned keeps their access after all."""
    why = (case.outcome or {}).get("why")
    is_back = isinstance(why, list) and any(one.get("code") == "newer_activity" for one in why)
    more = {"asked": _asked_to_leave(case), "back": is_back, "failed": case.state == CaseState.REFUSED}
    message_id = _message_id(case, "kept")
    return _of_case(case, "kept", more, texts=texts, message_id=message_id, warned=case.noticed_at)


def sample(workspace: Workspace, kind: str, *, to: str, now: datetime, language: str = "") -> EmailMultiAlternatives:
    """One of the four e-mails to a fictitious person, for the preview; its link leads nowhere.

    In the workspace's language, or in another.
    """
    with override(language or workspace.language):
        return _compose(kind, _sample(workspace, to=to, now=now), workspace=workspace, to=to)


def default_texts(workspace: Workspace, kind: str, *, language: str, now: datetime) -> dict[str, str]:
    """The portal's own words for the parts of an e-mail that can be changed, with placeholders in their places."""
    with override(language):
        said = _sample(workspace, to="", now=now) | {
            name: f"{{{own}}}" for own, name in VALUES.items() if own in placeholders(kind or "notice")
        }
        if not kind:
            asks = _("Questions? Write to %(contact)s.") % {"contact": "{contact}"}
            name = parseaddr(workspace.sender or settings.DEFAULT_FROM_EMAIL)[0]
            hello = render_to_string("emails/hello.txt", said).strip()
            return {"greeting": hello, "signature": asks, "sender_name": name, "reply_to": _reply_to(workspace)}
        subject, content = (render_to_string(f"emails/{kind}/{part}.txt", said) for part in ("subject", "content"))
        return {"subject": one_line(subject), "body": content.strip()}


def _sample(workspace: Workspace, *, to: str, now: datetime) -> dict[str, Any]:
    """What is said to a fictitious person; in the language that is active."""
    limit = timedelta(days=730)
    seen = (now - limit - timedelta(days=21)).isoformat()
    evidence = {"activity_at": seen, "activity_field": "last_seen_at", "limit_days": limit.days}
    evidence["segment"] = workspace.current_policy.rules.segments[-1].name
    days = workspace.current_policy.rules.notice.days
    at = {"removed": now, "warned": now - timedelta(days=9), "promised": now + timedelta(days=days)}
    reader = _Reader(username="camille.example", email=to, name="Camille Example")
    return _said(workspace, reader, evidence) | _dates(at) | {"link": _link("example")}


def test(workspace: Workspace, kind: str, *, to: str, now: datetime, language: str) -> EmailMultiAlternatives:
    """The same, for somebody of the portal, and marked as what it is."""
    message = sample(workspace, kind, to=to, now=now, language=language)
    with override(language):
        message.subject = _("[Test] %(subject)s") % {"subject": message.subject}
    return message


def as_sent(message: EmailMultiAlternatives) -> dict[str, str]:
    """What the audit keeps of an e-mail: language, subject and text, without the link that opens the answer page.

    Nor what nobody sees: the marks around names that run from right to left.
    """
    kept = {"subject": str(message.subject), "text": str(message.body)}
    # Of a text with one accent, str.translate takes 80 microseconds, and this 5.
    return {"language": str(message.extra_headers["Content-Language"])} | {
        part: _TOKEN.sub(r"\1…", text.replace(ISOLATE, "").replace(END_OF_ISOLATE, "")) for part, text in kept.items()
    }


def token_of(case: Case) -> str:
    """The token of a case's answer page: the case's key and a digest of who it is about, signed."""
    return _signer().sign_object([case.pk, _incarnation_digest(case.account)])


def opened(token: str) -> Case | None:
    """The case that a token of ours names, or ``None`` for any other text."""
    try:
        pk, digest = _signer().unsign_object(token)
    except (BadSignature, ValueError, TypeError):
        return None
    case = Case.objects.select_related("account", "cleanup__workspace").filter(pk=pk).first()
    return case if case and digest == _incarnation_digest(case.account) else None


def link_key() -> str:
    """Which secret key signs links now, as a digest that tells nothing of it."""
    return _name_of_key(settings.SECRET_KEY)


def link_keys() -> list[str]:
    """Those whose links work: the present key's and its forerunners'."""
    return [_name_of_key(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def one_line(text: str, *, longest: int = LONGEST_NAME) -> str:
    """A text of unknown origin as one printable line of bounded length."""
    printable = text
    if not text.isprintable():
        printable = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(printable.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def isolated(name: str) -> str:
    """A name that is written from right to left, or partly, so that it turns nothing around it."""
    turns = not name.isascii() and any(bidirectional(character) in RIGHT_TO_LEFT for character in name)
    return f"{ISOLATE}{name}{END_OF_ISOLATE}" if turns else name


def _of_case(
    case: Case,
    kind: str,
    more: dict[str, bool] | None = None,
    *,
    texts: TextsOf,
    message_id: str,
    **at: datetime | None,
) -> EmailMultiAlternatives:
    workspace, account = case.cleanup.workspace, case.account
    with override(workspace.language):
        reader = _Reader(username=account.username, email=account.email, name=account.full_name)
        said = _said(workspace, reader, case.evidence) | _dates(at) | {"link": _link(token_of(case))} | (more or {})
        headers = {"Message-ID": message_id}
        return _compose(kind, said, workspace=workspace, to=account.email, headers=headers, texts=texts)


def _said(workspace: Workspace, reader: _Reader, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """What the templates are given; in the language that is active."""
    why = unused.reason(
        activity_at=parse_datetime(evidence["activity_at"] or ""),
        activity_field=evidence["activity_field"],
        limit_days=evidence["limit_days"],
    )
    return {
        "host": workspace.shown_name,
        "username": isolated(one_line(reader.username)),
        "name": isolated(one_line(reader.name)),
        "why": why,
        "contact": workspace.contact or settings.EMAIL_CONTACT,
        "language": workspace.language,
    }


def _dates(at: Mapping[str, datetime | None]) -> dict[str, str]:
    """Each instant as its day in words, in the portal's time zone."""
    return {name: _in_words(instants.portal_day(instant), get_language()) for name, instant in at.items() if instant}


@lru_cache(maxsize=1_000)
def _in_words(day: date, _language: str | None) -> str:
    return instants.dated(day, "l j F Y")


def _compose(
    kind: str,
    said: dict[str, Any],
    *,
    workspace: Workspace,
    to: str,
    headers: Mapping[str, str] | None = None,
    texts: TextsOf = texts_of,
) -> EmailMultiAlternatives:
    """The e-mail in the language that is active, in the workspace's own words where it has some."""
    language = get_language() or workspace.language
    own = texts(workspace, language)
    values = {name: str(said.get(given, "")) for name, given in VALUES.items()}
    values["name"] = values["name"] or values["username"]
    said = said | {part: filled(own.get(("", part), ""), values) for part in ("greeting", "signature")}
    said |= {"asks": kind != "closing", "language": language}
    subject = filled(own.get((kind, "subject"), ""), values | {"link": ""}) or rendered(
        f"emails/{kind}/subject.txt", said, language=language
    )
    if body := own.get((kind, "body"), ""):
        content = filled(body, values)
        html = rendered("emails/own.html", said | _paragraphs(body, values), language=language)
    else:
        content = rendered(f"emails/{kind}/content.txt", said, language=language).strip()
        html = rendered(f"emails/{kind}/body.html", said, language=language)
    reply_to = own.get(("", "reply_to"), "") or _reply_to(workspace)
    message = EmailMultiAlternatives(
        subject=one_line(subject.strip()),
        body=_paragraphed(rendered("emails/frame.txt", said | {"content": content}, language=language)),
        from_email=_sender(workspace, own.get(("", "sender_name"), "")),
        to=[to],
        reply_to=[reply_to] if reply_to else None,
        headers={**HEADERS, "Content-Language": language, **(headers or {})},
    )
    message.attach_alternative(html.strip(), "text/html")
    return message


def _paragraphed(text: str) -> str:
    """A text whose paragraphs are one empty line apart."""
    return re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n"


def _paragraphs(body: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The paragraphs of a text, and in which of them the button stands that its link leads to."""
    found = tuple(
        (filled(part.replace("{link}", ""), values).strip(), "{link}" in part)
        for part in re.split(r"\n\s*\n", body.strip())
    )
    return {"paragraphs": found}


def _sender(workspace: Workspace, name: str) -> str | None:
    """Who it comes from: the workspace's address or the portal's, under the name that the workspace gives itself."""
    given = workspace.sender or settings.DEFAULT_FROM_EMAIL
    if not name:
        return workspace.sender or None
    return formataddr((name, parseaddr(given)[1]))


def _reply_to(workspace: Workspace) -> str:
    """Where answers go unless the workspace's own texts say otherwise; "" for nowhere else."""
    return workspace.contact if usable_for_mail(workspace.contact) else str(settings.EMAIL_REPLY_TO)


def _asked_to_leave(case: Case) -> bool:
    return (case.answer or {}).get("kind") == "leave"


def _link(token: str) -> str:
    before, after = _answer_path()
    return f"{settings.PUBLIC_URL}{before}{token}{after}"


@lru_cache(maxsize=1)
def _answer_path() -> tuple[str, str]:
    """The path of an answer page, before its token and after it; nothing in a token of ours has to be quoted."""
    before, after = reverse("answer", kwargs={"token": "TOKEN"}).split("TOKEN")
    return before, after


def _message_id(case: Case, kind: str) -> str:
    digest = salted_hmac("accounts_review.emails", f"{case.pk}:{kind}:{_incarnation_digest(case.account)}")
    return f"<{kind}.{case.pk}.{digest.hexdigest()[:16]}@{urlsplit(settings.PUBLIC_URL).hostname}>"


def _name_of_key(key: str) -> str:
    return salted_hmac("accounts_review.link_key", "", secret=key, algorithm="sha256").hexdigest()[:16]


def _incarnation_digest(account: Account) -> str:
    who = "\0".join((str(account.workspace_id), account.username, account.incarnation))
    # Without a key of its own: it is signed or hashed by whoever uses it, and must outlive a change of SECRET_KEY.
    return sha256(f"accounts_review.incarnation\0{who}".encode(errors="replace")).hexdigest()[:16]
