"""What to look at before a draft is launched: each check in plain words, with what to do. None of them blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts_review.audit.events import Event
from accounts_review.models import (
    Account,
    AuditEntry,
    Case,
    Sync,
    may,
    people_who_may,
)
from accounts_review.rules.addresses import usable_for_mail
from accounts_review.rules.dormancy import Verdict
from accounts_review.web.cleanups.basket import Basket
from accounts_review.wording import findings
from accounts_review.workflow.launch import orphaned_rights
from accounts_review.workflow.review import decide

BOUNCED = tuple(event for event in Event if event.words.address_failed)
LEVELS = ("error", "warning", "info", "ok")
NAMED, PREVIEWED, MOST_AT_ONCE = 6, 3, 500


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One of several things of a kind that a check found, and whose cases it is about."""

    says: str
    cases: list[Case]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchCheck:
    """One thing that was looked at, how much it presses, what to do about it, and whose cases it is about."""

    level: str
    """``error``, ``warning``, ``info``, or ``ok`` where there is nothing to do."""
    says: str
    todo: str = ""
    cases: list[Case] = field(default_factory=list)
    can_take_out: bool = False
    url: str = ""
    link: str = ""
    items: list[CheckItem] = field(default_factory=list)
    """What was found, one by one, where it is several things of a kind."""

    @property
    def preview(self) -> str:
        """The first of what it is about, by name."""
        named = [item.says for item in self.items] or [case.account.username for case in self.cases]
        shown = ", ".join(named[:PREVIEWED])
        more = len(named) - PREVIEWED
        if more <= 0:
            return shown
        return ngettext("%(shown)s and %(more)d more", "%(shown)s and %(more)d more", more) % {
            "shown": shown,
            "more": more,
        }

    @property
    def offers_taking_out(self) -> bool:
        return self.can_take_out and 0 < len(self.cases) <= MOST_AT_ONCE


def checks(basket: Basket) -> list[LaunchCheck]:
    """Everything that was looked at, what presses most first; nothing for an empty draft."""
    if not basket.launching and not basket.held_back:
        return []
    looks = (_state, _limits, _people, _days, _expiring, _approvers, _own, _verdicts, _addresses, _succession)
    found = [check for look in looks for check in look(basket)]
    return sorted(found, key=lambda check: LEVELS.index(check.level))


def _state(basket: Basket) -> Iterator[LaunchCheck]:
    """What keeps everything from being revoked, whoever is in the draft."""
    workspace, url, link = basket.workspace, reverse("workspaces"), _("Check the connection")
    if workspace.is_quarantined:
        says = _("The last sync looked wrong. Nobody is removed until an administrator has checked it.")
        yield LaunchCheck(level="error", says=says, url=url, link=_("Review the sync"))
    if workspace.host and not workspace.key_owner:
        says = _("The owner of the API key is not known. Nobody is removed until it is.")
        yield LaunchCheck(level="error", says=says, todo=_("Set HUWISE_API_KEY_OWNER and sync."), url=url, link=link)
    last = workspace.syncs.filter(state=Sync.State.COMPLETE).first()
    if last and basket.now - (last.finished_at or last.started_at) > Sync.OLD:
        says = _("The numbers are more than 36 hours old.")
        yield LaunchCheck(level="warning", says=says, todo=_("Sync first to see who came back."), url=url, link=link)


def _limits(basket: Basket) -> Iterator[LaunchCheck]:
    if not basket.cleanup.is_draft:
        return  # They held at the launch.
    count, per_hour, limit = len(basket.launching), basket.version.rules.limits.per_hour, basket.room.allows
    if not limit:
        why = findings.in_words(basket.room.objection)
        yield LaunchCheck(level="error", says=why.said, todo=why.remedy, cases=basket.held_back)
    elif basket.held_back:
        says = ngettext(
            "%(count)d account is over the limit of %(limit)d and stays for the next draft.",
            "%(count)d accounts are over the limit of %(limit)d and stay for the next draft.",
            len(basket.held_back),
        ) % {"count": len(basket.held_back), "limit": limit}
        todo = _("The longest idle go first. Launch in several rounds, or raise the policy's limits.")
        if basket.room.is_by_share and basket.room.next_at:
            todo = _("The longest idle go first.") + " " + findings.in_words(basket.room.objection).remedy
        yield LaunchCheck(level="info", says=says, todo=todo, cases=basket.held_back)
    else:
        says = _(
            "Within the limits: %(count)d of at most %(limit)d accounts, and at most %(per_hour)d revoked an hour."
        )
        yield LaunchCheck(level="ok", says=says % {"count": count, "limit": limit, "per_hour": per_hour})


def _people(basket: Basket) -> Iterator[LaunchCheck]:
    if not basket.cleanup.is_draft:
        return
    if not basket.version.rules.approval.two_people:
        yield LaunchCheck(level="ok", says=_("One person can launch this clean-up."))
        return
    people = people_who_may("operate", basket.cleanup.workspace).exclude(pk=basket.actor.pk).order_by("username")
    if people:
        says = _("A second person has to confirm this launch: %(people)s.")
        yield LaunchCheck(
            level="info", says=says % {"people": ", ".join(person.get_username() for person in people[:NAMED])}
        )
    else:
        says = _("The policy requires a second person, and nobody else can confirm.")
        yield LaunchCheck(level="error", says=says, todo=_("Ask an administrator to make someone an operator."))


def _days(basket: Basket) -> Iterator[LaunchCheck]:
    """Whether there are days enough to warn everyone."""
    if basket.warns and basket.is_live and sum(wave.count for wave in basket.waves) < len(basket.launching):
        says = _("Not every notice can be sent within two years.")
        todo = _("Change the hours and days on which e-mails are sent, or let the policy avoid fewer days.")
        yield LaunchCheck(level="error", says=says, todo=todo)


def _expiring(basket: Basket) -> Iterator[LaunchCheck]:
    valid = timedelta(days=basket.version.rules.approval.expires_after_days)
    last_date = basket.last_date
    if late := [case for case in basket.launching if case.approved_at + valid <= last_date]:
        says = ngettext(
            "%(count)d approval expires before its account can be revoked; the person would be warned and then spared.",
            "%(count)d approvals expire before their accounts can be revoked; the people would be warned and then "
            "spared.",
            len(late),
        ) % {"count": len(late)}
        todo = _("An approval is valid for %(days)d days. Take them out, review them and approve them again.")
        todo %= {"days": valid.days}
        yield LaunchCheck(level="warning", says=says, todo=todo, cases=late, can_take_out=True)
    elif basket.launching:
        first = min(case.approved_at for case in basket.launching) + valid
        days = (first - last_date).days
        says = ngettext(
            "No approval expires too early; the first has %(days)d day to spare.",
            "No approval expires too early; the first has %(days)d days to spare.",
            days,
        )
        yield LaunchCheck(level="ok", says=says % {"days": days})


def _approvers(basket: Basket) -> Iterator[LaunchCheck]:
    people = {case.approved_by_id: case.approved_by for case in basket.launching}
    workspace = basket.cleanup.workspace
    barred = {key for key, person in people.items() if person is None or not may(person, "decide", workspace)}
    if cases := [case for case in basket.launching if case.approved_by_id in barred]:
        logins = ", ".join(sorted({case.approved_by_login for case in cases}))
        says = ngettext(
            "%(count)d account was approved by somebody who may no longer decide (%(logins)s) and would be spared.",
            "%(count)d accounts were approved by people who may no longer decide (%(logins)s) and would be spared.",
            len(cases),
        ) % {"count": len(cases), "logins": logins}
        todo = _("Take them out and have a reviewer approve them again.")
        yield LaunchCheck(level="warning", says=says, todo=todo, cases=cases, can_take_out=True)


def _own(basket: Basket) -> Iterator[LaunchCheck]:
    if own := [case for case in basket.launching if decide.is_own(case.account, basket.actor)]:
        says = _("Your own account is in this draft.")
        todo = _("You cannot decide on your own account. Ask someone else to launch.")
        yield LaunchCheck(level="warning", says=says, todo=todo, cases=own)


def _verdicts(basket: Basket) -> Iterator[LaunchCheck]:
    accounts = Account.objects.filter(pk__in=[case.account_id for case in basket.launching]).assessed()
    dormant = accounts.with_verdict(basket.now).whose_verdict(Verdict.DORMANT, now=basket.now)
    still = set(dormant.listed().values_list("pk", flat=True))
    if back := [case for case in basket.launching if case.account_id not in still]:
        says = ngettext(
            "%(count)d account is no longer dormant or no longer listed and would be spared.",
            "%(count)d accounts are no longer dormant or no longer listed and would be spared.",
            len(back),
        ) % {"count": len(back)}
        todo = _("Take them out or leave them in; they keep their access either way.")
        yield LaunchCheck(level="warning", says=says, todo=todo, cases=back, can_take_out=True)
    else:
        yield LaunchCheck(level="ok", says=_("Every account in it is still dormant."))


def _addresses(basket: Basket) -> Iterator[LaunchCheck]:
    if not basket.warns:
        return
    unusable = [case for case in basket.launching if not usable_for_mail(case.account.email)]
    bounced = _bounced(basket)
    if cases := unusable + [case for case in basket.launching if case.account_id in bounced and case not in unusable]:
        says = ngettext(
            "%(count)d address is not usable or has bounced before.",
            "%(count)d addresses are not usable or have bounced before.",
            len(cases),
        ) % {"count": len(cases)}
        todo = _(
            "People who cannot be warned are not revoked. Correct the address in Huwise and sync, or take them out."
        )
        yield LaunchCheck(level="warning", says=says, todo=todo, cases=cases, can_take_out=True)
    else:
        yield LaunchCheck(level="ok", says=_("Every address looks usable; none is known to bounce."))


def _bounced(basket: Basket) -> set[int]:
    """Accounts whose current address refused an e-mail or bounced one."""
    ids = [case.account_id for case in basket.launching]
    entries = AuditEntry.objects.filter(account_id__in=ids, kind__in=BOUNCED)
    failed = set(entries.values_list("account_id", "cleanup"))
    past = Case.objects.filter(account__in=ids).exclude(cleanup=basket.cleanup).select_related("account", "cleanup")
    return {
        case.account_id
        for case in past
        if (case.account_id, case.cleanup.number) in failed and case.evidence.get("email") == case.account.email
    }


def _succession(basket: Basket) -> Iterator[LaunchCheck]:
    cases = {case.account_id: case for case in basket.launching}
    found = orphaned_rights.orphans_of(basket.workspace, [case.account for case in basket.launching])
    titles = {group.uid: str(group) for group in basket.workspace.groups.all()}

    def items(*, of_groups: bool) -> list[CheckItem]:
        orphans = [orphan for orphan in found if orphan.is_group == of_groups]
        return [
            CheckItem(titles.get(one.name, one.name), [cases[account.pk] for account in one.last]) for one in orphans
        ]

    if rights := items(of_groups=False):
        one, many = _("Nobody would hold the right %(name)s."), _("Nobody would hold %(count)d rights.")
        yield _orphaned(one if len(rights) == 1 else many, rights)
    if groups := items(of_groups=True):
        one, many = _("The group %(name)s would have no member left."), _("%(count)d groups would have no members.")
        yield _orphaned(one if len(groups) == 1 else many, groups)
    made = orphaned_rights.made_by(basket.workspace, [case.account for case in basket.launching])
    if made:
        yield _makers([(cases[account.pk], [str(group) for group in theirs]) for account, theirs in made])
    if not found and not made:
        says = _("Every right and group still has another holder.")
        yield LaunchCheck(level="ok", says=says)


def _orphaned(says: str, items: list[CheckItem]) -> LaunchCheck:
    last = list(dict.fromkeys(case for item in items for case in item.cases))
    return LaunchCheck(
        level="warning",
        says=says % {"name": items[0].says, "count": len(items)},
        todo=_("Decide who takes over first, or take them out."),
        cases=last,
        can_take_out=True,
        items=items if len(items) > 1 else [],
    )


def _makers(made: list[tuple[Case, list[str]]]) -> LaunchCheck:
    """Those who created groups, which stay."""
    if len(made) == 1:
        case, groups = made[0]
        says = ngettext("%(login)s created a group: %(groups)s.", "%(login)s created groups: %(groups)s.", len(groups))
        sentence = says % {"login": case.account.username, "groups": ", ".join(groups[:NAMED])}
    else:
        sentence = _("%(count)d of them created groups.") % {"count": len(made)}
    return LaunchCheck(
        level="warning",
        says=sentence,
        todo=_("The groups and their members stay. Make sure someone else manages them."),
        cases=[case for case, _groups in made],
        can_take_out=True,
        items=[CheckItem(", ".join(groups), [case]) for case, groups in made] if len(made) > 1 else [],
    )
