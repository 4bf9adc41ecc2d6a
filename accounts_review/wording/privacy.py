"""What the policy means for people's data, as the law wants it told: in the privacy notice, and in the register.

GDPR, articles 13 and 30. Each text is made in the language that is active.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts_review.rules.policy import Policy, Segment
from accounts_review.wording import instants
from accounts_review.wording.numbers import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """Whose portal it is: its name for people, and whom they can ask."""

    name: str
    contact: str


def privacy_paragraph(policy: Policy, *, controller: Controller, version: int, since: datetime) -> str:
    """The paragraph for the privacy notice."""
    parts = [
        _("We close accounts of %(name)s that are no longer used.") % {"name": controller.name},
        _(
            "For this we read, once a day, the usernames, names, e-mail addresses, groups, rights and dates of last "
            "use of all accounts."
        ),
        *(_of_segment(segment) for segment in policy.segments),
        _of_notice(policy),
        _(
            "A person decides on every account; no decision is fully automated. The legal basis is our "
            "legitimate interest in keeping access secure and data up to date (GDPR, article 6(1)(f))."
        ),
        _of_retention(policy),
        _(
            "You can ask us what we hold about you, have it corrected or erased, and object: %(contact)s. You can also "
            "complain to the data protection authority."
        )
        % {"contact": controller.contact},
        _as_of(version, since),
    ]
    return " ".join(part for part in parts if part)


def register_entry(policy: Policy, *, controller: Controller, version: int, since: datetime) -> list[tuple[str, str]]:
    """The entry for the register of processing activities: headings and texts."""
    return [
        (_("Processing activity"), _("Review and closure of unused accounts of %(name)s") % {"name": controller.name}),
        (_("Contact"), controller.contact),
        (
            _("Purposes"),
            _("Security of access, accuracy and minimisation of data (GDPR, articles 5(1)(c), (d), (e) and 32)"),
        ),
        (_("Legal basis"), _("Legitimate interest (GDPR, article 6(1)(f))")),
        (_("People concerned"), _("Everyone with an account, and the people who review accounts")),
        (
            _("Categories of data"),
            _(
                "Username, name, e-mail address, groups, rights, dates of joining, sign-in and last use; decisions "
                "with reason and author; e-mails sent and answers; of reviewers also sign-ins and IP addresses"
            ),
        ),
        (_("Source"), _("The data portal's own list of members; the people themselves, where they answer")),
        (
            _("Recipients"),
            _("Reviewers, operators, administrators and auditors of the portal; the provider of the e-mail service"),
        ),
        (_("Automated decisions"), _("None: a person approves each closure (GDPR, article 22)")),
        (_("Criteria"), " ".join(_of_segment(segment) for segment in policy.segments)),
        (_("Warning of the people concerned"), _of_notice(policy)),
        (_("Time limits for erasure"), _of_retention(policy)),
        (
            _("Security measures"),
            _(
                "Roles with least rights, second factor, signed and hash-chained audit, encrypted keys, protected "
                "accounts, limits for each clean-up and hour"
            ),
        ),
        (_("Version"), _as_of(version, since)),
    ]


def _of_segment(segment: Segment) -> str:
    if segment.never_used:
        text = ngettext(
            "An account that was never used is closed after %(days)s day.",
            "An account that was never used is closed after %(days)s days.",
            segment.dormant_after_days,
        )
        return text % counted({"days": segment.dormant_after_days})
    if segment.matches_everyone:
        text = ngettext(
            "Any other account is closed after %(days)s day without use.",
            "Any other account is closed after %(days)s days without use.",
            segment.dormant_after_days,
        )
        return text % counted({"days": segment.dormant_after_days})
    text = ngettext(
        "An account of the kind “%(name)s” is closed after %(days)s day without use.",
        "An account of the kind “%(name)s” is closed after %(days)s days without use.",
        segment.dormant_after_days,
    )
    return text % counted({"name": segment.name, "days": segment.dormant_after_days})


def _of_notice(policy: Policy) -> str:
    if not policy.notice.days:
        return _("People are not warned beforehand; they are told by e-mail when their access was removed.")
    text = ngettext(
        "People are warned by e-mail %(days)s day before; they keep the account by using it, or with one click.",
        "People are warned by e-mail %(days)s days before; they keep the account by using it, or with one click.",
        policy.notice.days,
    )
    return text % counted({"days": policy.notice.days})


def _of_retention(policy: Policy) -> str:
    text = ngettext(
        "Names, addresses and what people wrote are erased %(months)s month after an account is closed.",
        "Names, addresses and what people wrote are erased %(months)s months after an account is closed.",
        policy.retention.months_after_end,
    )
    kept = ngettext(
        "Names of reviewers are erased %(months)s month after they left.",
        "Names of reviewers are erased %(months)s months after they left.",
        policy.retention.keep_audit_names_months,
    )
    first = text % counted({"months": policy.retention.months_after_end})
    second = kept % counted({"months": policy.retention.keep_audit_names_months})
    return f"{first} {second}"


def _as_of(version: int, since: datetime) -> str:
    return _("As of %(date)s (version %(version)d of the policy).") % {"date": instants.day(since), "version": version}
