"""How long what tells of people is kept, by the policy. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accounts_review.rules.policy_parser import Reader

LONGEST_RETENTION_MONTHS = 1_200


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """After how many months what is held about accounts that are gone is erased, and names of people who left."""

    months_after_end: int
    keep_audit_names_months: int


def read_retention(reader: Reader, table: dict[str, Any]) -> Retention:
    """The section ``[retention]`` of a policy."""

    def months(name: str) -> int:
        return reader.whole("retention", table, name, least=1, most=LONGEST_RETENTION_MONTHS)

    return Retention(
        months_after_end=months("months_after_end"), keep_audit_names_months=months("keep_audit_names_months")
    )
