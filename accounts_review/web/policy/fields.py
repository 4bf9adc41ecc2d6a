"""The policy as a form: a card a segment, and what protects, warns and limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.cache import cache
from django.db.models import Count, F, Func, TextField
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review.models import Account, Workspace
from accounts_review.rules.dormancy import KNOWN_ACCOUNT_TYPES, KNOWN_PERMISSIONS
from accounts_review.rules.policy import (
    ALWAYS_PROTECTED,
    CEILINGS,
    LONGEST_DAYS,
    LONGEST_EXEMPTION_DAYS,
    LONGEST_WAIT_HOURS,
    MOST_SEGMENTS,
)
from accounts_review.rules.policy_editor import CONDITIONS, PolicyValues, SegmentValues
from accounts_review.rules.policy_parser import PolicyFault
from accounts_review.rules.retention import LONGEST_RETENTION_MONTHS
from accounts_review.web.policy.chips import ChipsField, ChipsInput, fields_written, unique
from accounts_review.web.shared.groups import titles_of
from accounts_review.wording import policies, rights
from accounts_review.wording.labels import labelled

NEVER_USED = {"": None, "yes": True, "no": False}
PERCENT = ("share_of_population", "pause_at_regret")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesKnown:
    """What the lists of a policy may name, in words, and how many accounts hold each right and belong to each group."""

    rights: dict[str, str]
    groups: dict[str, str]
    holders: dict[str, int]
    members: dict[str, int]

    @property
    def offered(self) -> dict[str, dict[str, str]]:
        """What the lists of a segment offer, by the condition."""
        kinds = {kind: kind for kind in sorted(KNOWN_ACCOUNT_TYPES)}
        return {"groups": self.groups, "permissions": self.rights, "account_types": kinds}


FEW_MEMBERS, FRESH_SECONDS = 20_000, 600


def names_of(workspace: Workspace) -> NamesKnown:
    """The rights that are known or held, and the groups by their titles."""
    holders, members = _holders_and_members(workspace)
    known = [*rights.RIGHTS, *sorted((KNOWN_PERMISSIONS | holders.keys()) - rights.RIGHTS.keys())]
    return NamesKnown(
        rights={right: rights.named(right) for right in known},
        groups=titles_of(workspace),
        holders=holders,
        members=members,
    )


def _holders_and_members(workspace: Workspace) -> tuple[dict[str, int], dict[str, int]]:
    """How many hold each right, and are in each group; of very many, as it was some minutes ago."""
    key = f"holders-and-members-{workspace.pk}"
    kept: tuple[dict[str, int], dict[str, int]] | None = cache.get(key)
    if kept:
        return kept
    listed = Account.objects.filter(workspace=workspace).listed()
    found = _counted(listed, "assessment__rights"), _counted(listed, "groups")
    if sum(found[1].values()) > FEW_MEMBERS:
        cache.set(key, found, FRESH_SECONDS)
    return found


def _counted(accounts: Any, column: str) -> dict[str, int]:
    """How many accounts have each name of a column of names."""
    each = Func(F(column), function="unnest", output_field=TextField())
    return dict(accounts.order_by().annotate(each=each).values_list("each").annotate(Count("pk")))


def list_of(condition: str) -> str:
    """The id of the ``<datalist>`` of what a condition can name."""
    return f"known-{condition}"


class SegmentForm(forms.Form):
    """One segment: its name, its limit and whom it is for."""

    origin = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200)
    days = forms.IntegerField(
        label=gettext_lazy("Dormant after (days)"), min_value=1, max_value=LONGEST_DAYS, widget=forms.NumberInput
    )
    never_used = forms.ChoiceField(
        label=gettext_lazy("Use"),
        required=False,
        choices=[
            ("", gettext_lazy("used or not")),
            ("yes", gettext_lazy("never used")),
            ("no", gettext_lazy("used at least once")),
        ],
    )
    groups = ChipsField(label=gettext_lazy("Group"))
    permissions = ChipsField(label=gettext_lazy("Right"))
    account_types = ChipsField(label=gettext_lazy("Account type"))
    usernames = ChipsField(label=gettext_lazy("Username"))
    emails = ChipsField(label=gettext_lazy("E-mail address"))
    email_domains = ChipsField(label=gettext_lazy("E-mail domain"))

    def __init__(self, *args: Any, names: NamesKnown, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in names.offered.items():
            self.fields[name].widget = ChipsInput(choices, listed_in=list_of(name))

    def conditions(self) -> SafeString:
        """The lists of the segment that say something."""
        return fields_written(self[name] for name in CONDITIONS if self[name].value())

    def other_conditions(self) -> SafeString:
        """Those that say nothing."""
        return fields_written(self[name] for name in CONDITIONS if not self[name].value())

    @property
    def values(self) -> SegmentValues:
        given = self.cleaned_data
        return SegmentValues(
            origin=given["origin"],
            name=given["name"],
            dormant_after_days=given["days"],
            never_used=NEVER_USED[given["never_used"]],
            lists={name: given[name] for name in CONDITIONS},
        )


def initial_of(segment: SegmentValues) -> dict[str, Any]:
    """What the form of a segment shows."""
    used = next(word for word, value in NEVER_USED.items() if value is segment.never_used)
    return {
        "origin": segment.origin,
        "name": segment.name,
        "days": segment.dormant_after_days,
        "never_used": used,
        **segment.lists,
    }


class _Segments(forms.BaseFormSet):  # type: ignore[type-arg]
    def in_order(self) -> Iterator[SegmentForm]:
        """The segments that stay, in the order asked for; a new one without a place stands before the last."""
        kept: list[Any] = [form for form in self.forms if form not in self.deleted_forms and form.has_changed()]
        yield from sorted(kept, key=lambda form: form.cleaned_data.get("ORDER") or len(self.forms) - 1.5)


Segments = forms.formset_factory(
    SegmentForm,
    formset=_Segments,
    can_order=True,
    can_delete=True,
    extra=1,
    max_num=MOST_SEGMENTS + 1,
    absolute_max=MOST_SEGMENTS + 2,
)


def _whole(label: Any, least: int, most: int) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=least, max_value=most)


def _percent(label: Any, most: float) -> forms.FloatField:
    return forms.FloatField(label=label, min_value=0.1, max_value=100 * most, step_size=None)


class ValuesForm(forms.Form):
    """Everything of a policy but its segments. Each field is named for its section and key."""

    title = forms.CharField(label=gettext_lazy("Title"), max_length=200)
    protect__permissions = forms.MultipleChoiceField(required=False, label=gettext_lazy("Rights"))
    protect__groups = forms.MultipleChoiceField(required=False, label=gettext_lazy("Groups"))
    protect__usernames = ChipsField(label=gettext_lazy("Usernames (* stands for anything)"))
    protect__email_domains = ChipsField(label=gettext_lazy("E-mail domains"))
    notice__days = _whole(gettext_lazy("Days of notice (0: no warning)"), 0, LONGEST_DAYS)
    notice__reminders_days_before = ChipsField(label=gettext_lazy("Reminders, days before"))
    notice__avoid = ChipsField(label=gettext_lazy("Days without e-mails or removals: weekends, holidays FR, dates"))
    approval__expires_after_days = _whole(gettext_lazy("An approval expires after (days)"), 1, LONGEST_DAYS)
    approval__two_people = forms.BooleanField(
        required=False, label=gettext_lazy("A second person confirms each launch")
    )
    launch__wait_hours = _whole(gettext_lazy("Hours before the first removal without notice"), 0, LONGEST_WAIT_HOURS)
    limits__per_cleanup = _whole(gettext_lazy("Accounts in a clean-up"), 1, int(CEILINGS["per_cleanup"]))
    limits__per_hour = _whole(gettext_lazy("Removals in an hour"), 1, int(CEILINGS["per_hour"]))
    limits__share_of_population = _percent(
        gettext_lazy("Share of all accounts in 30 days (%)"), CEILINGS["share_of_population"]
    )
    limits__pause_at_regret = _percent(gettext_lazy("Pause when this share comes back or objects (%)"), 1.0)
    exemption__longest_days = _whole(gettext_lazy("Longest exemption (days)"), 1, LONGEST_EXEMPTION_DAYS)
    retention__months_after_end = _whole(
        gettext_lazy("Erase an account's data (months after it is gone)"), 1, LONGEST_RETENTION_MONTHS
    )
    retention__keep_audit_names_months = _whole(
        gettext_lazy("Erase names of portal people, months after they left"), 1, LONGEST_RETENTION_MONTHS
    )

    def __init__(self, *args: Any, names: NamesKnown, held: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = (("permissions", names.rights), ("groups", names.groups))
        for key, known in offered:
            more = [name for name in held[key] if name not in known]
            field: Any = self.fields[f"protect__{key}"]
            field.choices = [
                (name, label)
                for name, label in [*known.items(), *zip(more, more, strict=True)]
                if name != ALWAYS_PROTECTED
            ]

    def clean_notice__reminders_days_before(self) -> list[int]:
        given = self.cleaned_data["notice__reminders_days_before"]
        if not all(day.isdecimal() and len(day) < 6 for day in given):
            raise forms.ValidationError(_("Reminders are whole numbers of days, such as 7 and 1."))
        return sorted({int(day) for day in given}, reverse=True)

    @property
    def sections(self) -> dict[str, dict[str, Any]]:
        """What was filled in, by section and key."""
        found: dict[str, dict[str, Any]] = {}
        for name, value in self.cleaned_data.items():
            section, _dots, key = name.partition("__")
            if key:
                found.setdefault(section, {})[key] = round(value / 100, 6) if key in PERCENT else value
        return found


def in_the_form(fault: PolicyFault) -> str:
    """What is wrong with a text that the form made, with the label of the field that says it."""
    return labelled(_label_of(fault.key), policies.of_fault(fault))


def _label_of(key: str) -> str:
    """The label of the field for a key, such as ``limits.per_hour`` or ``segment.name``; otherwise the key itself."""
    section, _dot, name = key.partition(".")
    if section == "segment":
        field, segment = SegmentForm.base_fields.get({"dormant_after_days": "days"}.get(name, name)), _("Segment")
        return f"{segment}, {field.label}" if field else key
    field = ValuesForm.base_fields.get(key.replace(".", "__"))
    return str(field.label) if field else key


def initial_values(values: PolicyValues) -> dict[str, Any]:
    """What the form of everything but the segments shows."""
    found: dict[str, Any] = {"title": values.title}
    for section, keys in values.sections.items():
        for key, value in keys.items():
            found[f"{section}__{key}"] = round(100 * value, 4) if key in PERCENT else value
    found["notice__reminders_days_before"] = unique(map(str, found["notice__reminders_days_before"]))
    return found
