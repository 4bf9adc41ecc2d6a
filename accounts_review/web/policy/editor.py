"""Between the form of a policy and its text: each is made of the other, and no comment is lost on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.forms import BaseFormSet
from django.http import QueryDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts_review.models import Workspace
from accounts_review.rules import policy
from accounts_review.rules.policy_editor import NotEditable, PolicyValues, edited, values_of
from accounts_review.web.policy.fields import (
    NamesKnown,
    SegmentForm,
    Segments,
    ValuesForm,
    in_the_form,
    initial_of,
    initial_values,
    list_of,
    names_of,
)
from accounts_review.web.policy.idleness import IdlenessRow, Trial, rows_under
from accounts_review.web.policy.ticks import ticks_written
from accounts_review.web.shared.widgets import options_written
from accounts_review.wording import policy_findings
from accounts_review.workflow.policy.findings import loosened_now

PREFIX = "segment"


@dataclass(frozen=True, slots=True)
class Card:
    """One segment to change, and how the accounts that are in it now stand under its limit."""

    form: Any
    row: IdlenessRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What would be said of a form's policy before it is previewed."""

    text: str
    faults: list[str] = field(default_factory=list)
    loosened: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Editor:
    """The form of a policy over a text."""

    base: str
    values: ValuesForm
    segments: BaseFormSet[SegmentForm]
    names: NamesKnown

    @property
    def is_valid(self) -> bool:
        return self.values.is_valid() and self.segments.is_valid()

    @property
    def rights(self) -> SafeString:
        return self._ticks("protect__permissions", self.names.holders)

    @property
    def groups(self) -> SafeString:
        return self._ticks("protect__groups", self.names.members)

    @property
    def lists(self) -> list[tuple[str, SafeString]]:
        """What the segments' fields offer, once for all of them: the ids of the lists, and their options."""
        return [(list_of(name), options_written(known.items())) for name, known in self.names.offered.items()]

    @property
    def limits(self) -> list[Any]:
        """The fields that say how much may happen at once, and how long decisions last."""
        wanted = ("limits__", "approval__expires", "exemption__", "retention__")
        return [self.values[name] for name in self.values.fields if name.startswith(wanted)]

    def _ticks(self, name: str, counts: Mapping[str, int]) -> SafeString:
        bound: Any = self.values[name]
        return ticks_written(name, bound.field.choices, counts=counts, chosen=set(bound.value() or ()))

    def text(self) -> str:
        """The base text with what was filled in. Raises ``NotEditable`` and ``PolicyError``."""
        given = PolicyValues(
            title=self.values.cleaned_data["title"],
            segments=[form.values for form in self.segments.in_order()],  # type: ignore[attr-defined]
            sections=self.values.sections,
        )
        return edited(self.base, given)

    def check(self, workspace: Workspace, *, cards: Iterable[Card]) -> Checked:
        """The text that the form would make, its faults, and where it is looser than the policy in force."""
        if not self.is_valid:
            return Checked(text="", faults=[_("A field is not filled in correctly.")])
        try:
            text = self.text()
            after = policy.parse(text)
        except NotEditable:
            return Checked(text="", faults=[cannot()])
        except policy.PolicyError as error:
            return Checked(text="", faults=list(map(in_the_form, error.faults)))
        dormant = {card.row.segment: card.row.dormant for card in cards if card.row}
        found = loosened_now(workspace, after, dormant=dormant)
        return Checked(text=text, loosened=[policy_findings.in_words(one) for one in found])

    def cards(self, workspace: Workspace, *, now: datetime) -> list[Card]:
        """The segments with how many are in each, under the limit that stands in its form."""
        # Of two that share a name, the one that stays counts.
        by_fate = sorted(self.segments, key=lambda form: form not in self.segments.deleted_forms)
        valid = {_name(form): days for form in by_fate if (days := _days(form["days"].value()))}
        rows = standing_under(workspace, valid, now=now)
        return [Card(form, rows.get(_name(form))) for form in self.segments]


def _name(form: SegmentForm) -> str:
    """A name as it stands in its field, read as the form reads it."""
    return str(form["name"].value()).strip()


def _days(given: object) -> int:
    """A limit as it stands in a field; 0 where that is none."""
    text = str(given)
    return int(text) if text.isdecimal() and len(text) < 6 and int(text) <= policy.LONGEST_DAYS else 0


def cannot() -> str:
    """Why a text has no form."""
    return _("This policy is written in a way that the form cannot change. Edit it on the tab TOML.")


def of_text(text: str, workspace: Workspace) -> Editor:
    """The form that shows a text. Raises ``PolicyError``."""
    values, names = values_of(policy.parse(text, in_force=True)), names_of(workspace)
    return Editor(
        base=text,
        names=names,
        values=ValuesForm(initial=initial_values(values), names=names, held=values.sections["protect"]),
        segments=Segments(
            initial=[initial_of(segment) for segment in values.segments], prefix=PREFIX, form_kwargs={"names": names}
        ),
    )


def of_post(data: QueryDict, workspace: Workspace) -> Editor:
    """The form as it was sent, over the text it was made of. Raises ``PolicyError``."""
    base = data.get("base", "").replace("\r\n", "\n")
    held, names = values_of(policy.parse(base, in_force=True)).sections["protect"], names_of(workspace)
    return Editor(
        base=base,
        names=names,
        values=ValuesForm(data, names=names, held=held),
        segments=Segments(data, prefix=PREFIX, form_kwargs={"names": names}),
    )


def with_limit(text: str, *, segment: str, days: int) -> str:
    """The text with another limit for a segment, or for all where ``segment`` is empty.

    Raises ``NotEditable`` and ``PolicyError``.
    """
    values = values_of(policy.parse(text, in_force=True))
    changed = [
        replace(each, dormant_after_days=days) if segment in ("", each.name) else each for each in values.segments
    ]
    return edited(text, replace(values, segments=changed))


def standing_under(workspace: Workspace, limits: dict[str, int], *, now: datetime) -> dict[str, IdlenessRow]:
    """The accounts of each segment as it is now, by how long they have been idle, under other limits."""
    trials = [Trial(segment=name, days=days) for name, days in limits.items() if name]
    rows, _undated = rows_under(workspace, now, trials)
    return {row.segment: row for row in rows}


__all__ = ["Card", "Checked", "Editor", "cannot", "of_post", "of_text", "standing_under", "with_limit"]
