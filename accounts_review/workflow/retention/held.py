"""What is held about one person, as they may ask to see it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import models

from accounts_review.audit import sentences
from accounts_review.models import Account, AuditEntry, Case, Exemption, Snooze

_INTERNAL = {"id", "raw", "claim", "lease_until", "link_key", "approved_by", "by"}


def access_report(accounts: Sequence[Account], *, now: datetime) -> str:
    """Everything held about some accounts of one person, as JSON that a person can read."""
    report = {"as_of": now.isoformat(), "accounts": [_of_account(account) for account in accounts]}
    return json.dumps(report, ensure_ascii=False, indent=2, default=str) + "\n"


def _of_account(account: Account) -> dict[str, Any]:
    cases = Case.objects.filter(account=account).select_related("cleanup")
    entries = AuditEntry.objects.filter(account_id=account.pk).order_by("seq")
    return {
        "workspace": str(account.workspace),
        "account": _columns(account) | {"record": _decoded(account.raw)},
        "clean-ups": [_columns(case) | {"cleanup": case.cleanup.number} for case in cases],
        "exemptions": [_columns(one) for one in Exemption.objects.filter(account=account)],
        "snoozes": [_columns(one) for one in Snooze.objects.filter(account=account)],
        "silences": [_columns(one) for one in account.activity_gaps.all()],
        "history": list(_history(entries)),
    }


def _history(entries: models.QuerySet[AuditEntry]) -> Iterator[dict[str, Any]]:
    for entry in entries.iterator(2000):
        yield {
            "number": entry.seq,
            "at": entry.at,
            "by": entry.actor,
            "what": sentences.name_of(entry),
            "said": sentences.of_entry(entry),
            "details": entry.details,
        }


def _columns(row: models.Model) -> dict[str, Any]:
    found = {field.name: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {name: value for name, value in found.items() if name not in _INTERNAL and value not in (None, "", [], {})}


def _decoded(raw: str) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw
