"""What people and servers wrote, and how a name is taken out of it: never out of a code, a key or a name of a thing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Cast, Left

from accounts_review.audit.events import Event
from accounts_review.models import (
    AuditEntry,
    BulkDecision,
    Case,
    Cleanup,
    ConnectionCheck,
    Exemption,
    Hold,
    PersonalData,
    PolicyPreview,
    PolicyVersion,
    Run,
    SavedView,
    Snooze,
    Sync,
    Workspace,
)
from accounts_review.workflow.retention.terms import ERASED, SearchTerms

_SAID = frozenset(
    {
        *("address", "email", "error", "example", "first", "flaws", "mail", "names"),
        *("owner", "reason", "recipient", "reply", "text", "username"),
    }
)
"""The keys of documents under which words stand; under every other there are codes, numbers and dates."""
_ONCE_NAMED_IN_THE_CHAIN = (Event.WORKSPACE_SYNCED, Event.MAIL_STOPPED)
"""Earlier versions wrote whom a sync found odd, and what a mail server said, where nothing can be erased."""
_CODES = frozenset({"code", "kind", "outcome", "state", "status"})
_A_CODE = re.compile(r"[a-z]+(?:_[a-z]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of a table in which somebody may be named, and the way from it to its workspace."""

    model: type[models.Model]
    workspace: str = "workspace"
    texts: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    logins: tuple[str, ...] = ()
    """Columns that hold one login and nothing else."""


COLUMNS = (
    Columns(model=Workspace, workspace="pk", documents=("failure", "mail_stopped")),
    Columns(model=PolicyVersion, texts=("reason",), logins=("activated_by", "proposed_by")),
    Columns(model=PolicyPreview, texts=("reason",), logins=("by_login", "agreed_by")),
    Columns(model=Cleanup, documents=("stopped_because",), logins=("launched_by", "confirmed_by")),
    Columns(
        model=Case,
        workspace="cleanup__workspace",
        texts=("reason",),
        documents=("answer", "outcome"),
        logins=("approved_by_login", "put_by_login", "restored_by"),
    ),
    Columns(model=BulkDecision, texts=("reason",), logins=("by_login",)),
    Columns(model=Exemption, workspace="account__workspace", texts=("reason", "owner_email"), logins=("by_login",)),
    Columns(model=Snooze, workspace="account__workspace", logins=("by_login",)),
    Columns(
        model=Sync,
        texts=("resolution",),
        documents=("problems", "health"),
        logins=("stopped_by", "resolved_by"),
    ),
    Columns(model=Hold, texts=("reason", "release_reason"), documents=("details",), logins=("by", "released_by")),
    Columns(model=ConnectionCheck, documents=("findings",)),
    Columns(model=Run, texts=("error",)),
    Columns(model=SavedView, texts=("name",)),
)


def take_out(terms: SearchTerms, *, workspaces: Collection[int]) -> int:
    """Put "erased" in the place of terms in what was written in workspaces; returns how many texts changed."""
    if not terms:
        return 0
    changed = sum(_in_columns(columns, terms, workspaces) for columns in COLUMNS)
    for view in SavedView.objects.filter(workspace__in=workspaces):
        if terms.found.search(_searched(view.query)):
            view.delete()
    return changed


def rename_login(login: str, instead: str) -> None:
    """Write another login in the place of one, wherever a column says who did something."""
    for columns in COLUMNS:
        for name in columns.logins:
            columns.model._base_manager.filter(**{f"{name}__iexact": login}).update(**{name: instead})
    for workspace in Workspace.objects.filter(copied__by__iexact=login):
        workspace.copied |= {"by": instead}
        workspace.save(update_fields=["copied"])


def telling(
    terms: SearchTerms, *, names: Collection[str], accounts: Collection[int] = (), login: str = ""
) -> list[str]:
    """The personal details in entries of workspaces, known by their ``names``, that name somebody.

    What entries about ``accounts`` say is theirs and not asked for here.
    """
    entries = AuditEntry._base_manager.filter(workspace__in=names).exclude(personal=None)
    loose = "|".join(filter(None, [terms.loose, re.escape(login)]))
    if not loose:
        return []
    likely = Q(said__iregex=f"(?:{loose})")
    rows = PersonalData.objects.filter(
        erased_at=None, pk__in=entries.exclude(account_id__in=accounts).values("personal")
    )
    found = rows.annotate(said=Cast("details", models.TextField())).filter(likely)
    return [
        digest
        for digest, account, details in found.values_list("pk", "account_id", "details").iterator(2000)
        if _names(details, terms, login=login, of_another=account is not None)
    ]


def chained(terms: SearchTerms, *, names: Collection[str]) -> list[int]:
    """The numbers of entries of workspaces, known by their ``names``, that name somebody in the chain itself."""
    entries = AuditEntry._base_manager.filter(workspace__in=names, kind__in=_ONCE_NAMED_IN_THE_CHAIN).order_by("seq")
    likely = entries.annotate(said=Cast("data", models.TextField())).filter(said__iregex=terms.loose)
    return [
        seq
        for seq, data in likely.values_list("seq", "data").iterator(2000)
        if _names(data, terms, login="", of_another=False)
    ]


def _names(details: dict[str, Any], terms: SearchTerms, *, login: str, of_another: bool) -> bool:
    """Whether details name somebody. An e-mail to somebody else is words of the portal."""
    kept = {name: said for name, said in details.items() if not (of_another and name == "mail")}
    said = list(strings_of(kept))
    return any(bool(login) and text.casefold() == login.casefold() for text in said) or any(
        terms.found.search(text) for text in said if terms
    )


def strings_of(content: Any, key: str = "") -> Iterator[str]:
    """The words in a document: values, never keys, and no codes."""
    match content:
        case dict():
            for name, value in content.items():
                yield from strings_of(value, name)
        case list():
            for value in content:
                yield from strings_of(value, key)
        case str() if key == "filter":
            yield _searched(content)
        case str() if key not in _CODES and not (key == "why" and _A_CODE.fullmatch(content)):
            yield content


def without(content: Any, terms: SearchTerms, key: str = "") -> Any:
    """A document with "erased" in the place of terms, in the words that stand in it."""
    match content:
        case dict():
            return {name: without(value, terms, name) for name, value in content.items()}
        case list():
            return [without(value, terms, key) for value in content]
        case str() if key in _SAID:
            return terms.found.sub(ERASED, content)
    return content


def _in_columns(columns: Columns, terms: SearchTerms, workspaces: Collection[int]) -> int:
    mine = Q(**{f"{columns.workspace}__in": workspaces})
    if columns.model in (Hold, Run):
        mine |= Q(workspace=None)
    rows = columns.model._base_manager.filter(mine)
    changed = 0
    for name in columns.texts:
        replaced: Any = Func(F(name), Value(terms.pattern), Value(ERASED), Value("gi"), function="regexp_replace")
        longest = getattr(columns.model._meta.get_field(name), "max_length", None)
        replaced = Left(replaced, longest) if longest else replaced
        naming = rows.filter(**{f"{name}__iregex": terms.pattern}).values("pk")
        changed += columns.model._base_manager.filter(pk__in=naming).update(**{name: replaced})
    return changed + sum(_in_documents(rows, name, terms) for name in columns.documents)


def _in_documents(rows: models.QuerySet[Any], name: str, terms: SearchTerms) -> int:
    likely = rows.annotate(said=Cast(name, models.TextField())).filter(said__iregex=f"(?:{terms.loose})")
    changes = [(pk, before, without(before, terms)) for pk, before in likely.values_list("pk", name)]
    for pk, before, after in changes:
        if after != before:
            rows.model._base_manager.filter(pk=pk).update(**{name: after})
    return sum(after != before for _pk, before, after in changes)


def _searched(query: str) -> str:
    """What somebody searched for in a list, of the part of its address after the question mark."""
    return " ".join(parse_qs(query).get("q", [])) if "=" in query else query


def any_of(found: Iterable[str], terms: SearchTerms) -> bool:
    """Whether one of some words names somebody."""
    return any(terms.found.search(text) for text in found)
