"""Audit entries as a table to read, and as lines that prove themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import QuerySet

from accounts_review.models import AuditEntry
from accounts_review.models.streaming import streamed
from accounts_review.spreadsheet import Sheet

CHUNK = 2000
AUDIT_COLUMNS = ("seq", "at", "workspace", "actor", "kind", "said", "subject", "cleanup", "data", "digest")
_CHAINED = (
    *("seq", "at", "workspace", "actor_ref_id", "kind", "subject_ref_id", "account_id", "cleanup", "data"),
    *("personal_id", "previous", "digest"),
)
_BESIDE = tuple(
    f"{reference}__{name}"
    for reference in ("actor_ref", "subject_ref", "personal")
    for name in ("digest", "salt", "name", "details", "erased_at")
)
_NAMES = tuple(name.removesuffix("_id") if name != "account_id" else name for name in _CHAINED)


def audit_sheet(entries: QuerySet[AuditEntry], *, said: Callable[[AuditEntry], str]) -> Sheet:
    """Audit entries (a query), one a row; to prove them takes :func:`audit_lines`."""
    rows = (_audit_row(entry, said) for entry in entries.iterator(chunk_size=CHUNK))
    return Sheet("audit", AUDIT_COLUMNS, rows)


def audit_lines(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """Entries (a query) as lines of JSON with the digests that chain them, so that anyone can prove the audit.

    What the references point to stands in ``beside``: ``[salt, name, details]``, or null once it is erased.
    """
    for row in streamed(entries.values_list(*_CHAINED, *_BESIDE, "actor", "subject")):
        line: dict[str, Any] = dict(zip(_NAMES, row, strict=False))
        line["at"] = datetime.fromisoformat(str(line["at"])).isoformat(timespec="microseconds")
        line |= {name: _number(line[name]) for name in ("seq", "account_id", "cleanup")}
        line |= {"data": _document(line["data"]), "actor": row[-2], "subject": row[-1], "beside": {}}
        for start in range(len(_CHAINED), len(_CHAINED) + len(_BESIDE), 5):
            digest, salt, name, details, erased_at = row[start : start + 5]
            if digest:
                line["beside"][digest] = None if erased_at else [salt, name, _document(details)]
        yield msgspec.json.encode(line).decode() + "\n"


def audit_line(entry: AuditEntry, *, with_names: bool = True) -> str:
    """One entry as a line, with what stands beside the chain, or without it."""
    columns = [field for field in AuditEntry._meta.concrete_fields if field.name != "mark"]
    row = {field.name: getattr(entry, field.attname) for field in columns}
    if not with_names:
        return json.dumps(row | {"at": entry.at.isoformat(timespec="microseconds")}, ensure_ascii=False) + "\n"
    row |= {"at": entry.at.isoformat(timespec="microseconds"), "actor": entry.actor, "subject": entry.subject}
    told = [found for found in (entry.actor_ref, entry.subject_ref, entry.personal) if found]
    row["beside"] = {
        found.digest: None if found.erased_at else [found.salt, found.name, found.details] for found in told
    }
    return json.dumps(row, ensure_ascii=False) + "\n"


def _audit_row(entry: AuditEntry, said: Callable[[AuditEntry], str]) -> tuple[str, ...]:
    return (
        str(entry.seq),
        entry.at.isoformat(timespec="seconds"),
        entry.workspace,
        entry.actor,
        entry.kind,
        said(entry),
        entry.subject,
        "" if entry.cleanup is None else str(entry.cleanup),
        json.dumps(entry.details, ensure_ascii=False, sort_keys=True),
        entry.digest,
    )


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _document(text: str | None) -> msgspec.Raw:
    """As the database wrote it: to read and write it again takes most of the time."""
    return msgspec.Raw((text or "null").encode())
