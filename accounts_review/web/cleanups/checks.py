"""What to look at before a draft is launched: each check in plain words, with what to do. None of them blocks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts_review.audit.events import Event
from accounts_review.models import Account, AuditEntry, Case, Sync, people_who_may
from accounts_review.models.audit_entry import AuditEntryQuerySet
from accounts_review.models.keys import Among
from accounts_review.rules.addresses import usable_for_mail
from accounts_review.rules.policy import CEILINGS
from accounts_review.web.cleanups.basket import HAS_PLAIN_ADDRESS, Basket
from accounts_review.web.shared.groups import titles_of
from accounts_review.wording import findings
from accounts_review.wording.numbers import counted
from accounts_review.workflow import clock
from accounts_review.workflow.launch import orphaned_rights
from accounts_review.workflow.review import decide

BOUNCED = tuple(event for event in Event if event.words.address_failed)
LEVELS = ("error", "warning", "info", "ok")
NAMED, PREVIEWED, SHOWN, MOST_AT_ONCE = 6, 3, 100, 500


@dataclass(frozen=True, slots=True)
class Concerned:
    """The cases that something is about: how many there are, and the first of them, who are named."""

    count: int = 0
    first: Sequence[Case] = ()

    @property
    def shown(self) -> Sequence[Case]:
        return self.first[:SHOWN]

    @property
    def more(self) -> int:
        """How many there are beside those who are shown."""
        return max(0, self.count - SHOWN)


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One of several things of a kind that a check found, and whose cases it is about."""

    says: str
    cases: Concerned


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchCheck:
    """One thing that was looked at, how much it presses, what to do about it, and whose cases it is about."""

    level: str
    """``error``, ``warning``, ``info``, or ``ok`` where there is nothing to do."""
    says: str
    todo: str = ""
    cases: Concerned = field(default_factory=Concerned)
    can_take_out: bool = False
    url: str = ""
    link: str = ""
    items: list[CheckItem] = field(default_factory=list)
    """What was found, one by one, where it is several things of a kind."""

    @property
    def preview(self) -> str:
        """The first of what it is about, by name."""
        named = [item.says for item in self.items] or [case.account.username for case in self.cases.shown]
        shown = ", ".join(named[:PREVIEWED])
        more = (len(self.items) or self.cases.count) - PREVIEWED
        if more <= 0:
            return shown
        both = ngettext("%(shown)s and %(more)s more", "%(shown)s and %(more)s more", more)
        return both % counted({"shown": shown, "more": more})

    @property
    def offers_taking_out(self) -> bool:
        return self.can_take_out and 0 < self.cases.count <= MOST_AT_ONCE


def checks(basket: Basket) -> list[LaunchCheck]:
    """Everything that was looked at, what presses most first; nothing for an empty draft."""
    if not basket.count and not basket.count_held_back:
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
    if found := clock.behind_sync(last, now=basket.now):
        why = findings.in_words(found)
        yield LaunchCheck(level="error", says=why.said, todo=why.remedy, url=url, link=link)
    elif last and basket.now - (last.finished_at or last.started_at) > Sync.OLD:
        says = _("The numbers are more than 36 hours old.")
        yield LaunchCheck(level="warning", says=says, todo=_("Sync first to see who came back."), url=url, link=link)


def _limits(basket: Basket) -> Iterator[LaunchCheck]:
    if not basket.cleanup.is_draft:
        return  # They held at the launch.
    per_hour, limit = basket.version.rules.limits.per_hour, basket.room.allows
    held_back = _concerned(basket.held_back, basket.count_held_back)
    if not limit:
        why = findings.in_words(basket.room.objection)
        yield LaunchCheck(level="error", says=why.said, todo=why.remedy, cases=held_back)
    elif held_back.count:
        says = ngettext(
            "%(count)s account is over the limit of %(limit)s and stays for the next draft.",
            "%(count)s accounts are over the limit of %(limit)s and stay for the next draft.",
            held_back.count,
        ) % counted({"count": held_back.count, "limit": limit})
        todo = _("The longest idle go first. Launch in several rounds, or raise the policy's limits.")
        if basket.version.rules.limits.per_cleanup >= CEILINGS["per_cleanup"]:
            todo = _("The longest idle go first. Launch in several rounds.")
        if basket.room.is_by_share and basket.room.next_at:
            todo = _("The longest idle go first.") + " " + findings.in_words(basket.room.objection).remedy
        yield LaunchCheck(level="info", says=says, todo=todo, cases=held_back)
    else:
        says = _(
            "Within the limits: %(count)s of at most %(limit)s accounts, and at most %(per_hour)s revoked an hour."
        )
        yield LaunchCheck(
            level="ok", says=says % counted({"count": basket.count, "limit": limit, "per_hour": per_hour})
        )


def _people(basket: Basket) -> Iterator[LaunchCheck]:
    if not basket.cleanup.is_draft:
        return
    if not basket.version.rules.approval.two_people:
        yield LaunchCheck(level="ok", says=_("One person can launch this clean-up."))
        return
    people = people_who_may("operate", basket.cleanup.workspace).exclude(pk=basket.actor.pk)
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
    if basket.warns and basket.is_live and sum(wave.count for wave in basket.waves) < basket.count:
        says = _("Not every notice can be sent within two years.")
        todo = _("Change the hours and days on which e-mails are sent, or let the policy avoid fewer days.")
        yield LaunchCheck(level="error", says=says, todo=todo)


def _expiring(basket: Basket) -> Iterator[LaunchCheck]:
    valid = timedelta(days=basket.version.rules.approval.expires_after_days)
    if late := sum(share.late for share in basket.shares):
        says = ngettext(
            "%(count)s approval expires before its account can be revoked; the person would be warned and then spared.",
            "%(count)s approvals expire before their accounts can be revoked; the people would be warned and then "
            "spared.",
            late,
        ) % counted({"count": late})
        todo = _("An approval is valid for %(days)s days. Take them out, review them and approve them again.")
        todo %= counted({"days": valid.days})
        cases = _concerned(basket.launching.filter(basket.is_late), late)
        yield LaunchCheck(level="warning", says=says, todo=todo, cases=cases, can_take_out=True)
    elif basket.shares:
        first = min(share.first_approved_at for share in basket.shares) + valid
        days = (first - basket.last_date).days
        says = ngettext(
            "No approval expires too early; the first has %(days)s day to spare.",
            "No approval expires too early; the first has %(days)s days to spare.",
            days,
        )
        yield LaunchCheck(level="ok", says=says % counted({"days": days}))


def _approvers(basket: Basket) -> Iterator[LaunchCheck]:
    approvers = {share.approved_by for share in basket.shares if share.approved_by}
    # Asked at once: a clean-up has as many approvers as reviewers.
    able = set(people_who_may("decide", basket.workspace).filter(pk__in=approvers).values_list("pk", flat=True))
    barred = [share for share in basket.shares if share.approved_by not in able]
    if count := sum(share.count for share in barred):
        logins = ", ".join(sorted({share.approved_by_login for share in barred}))
        says = ngettext(
            "%(count)s account was approved by somebody who may no longer decide (%(logins)s) and would be spared.",
            "%(count)s accounts were approved by people who may no longer decide (%(logins)s) and would be spared.",
            count,
        ) % counted({"count": count, "logins": logins})
        todo = _("Take them out and have a reviewer approve them again.")
        by_them = Q(approved_by__in={share.approved_by for share in barred} - {None}) | Q(approved_by=None)
        cases = _concerned(basket.launching.filter(by_them), count)
        yield LaunchCheck(level="warning", says=says, todo=todo, cases=cases, can_take_out=True)


def _own(basket: Basket) -> Iterator[LaunchCheck]:
    if not any(share.perhaps_own for share in basket.shares):
        return
    perhaps = basket.launching.filter(basket.is_perhaps_own).select_related("account")
    cases = perhaps.only("cleanup", "account__username", "account__email")
    if own := [case.account_id for case in cases if decide.is_own(case.account, basket.actor)]:
        says = _("Your own account is in this draft.")
        todo = _("You cannot decide on your own account. Ask someone else to launch.")
        yield LaunchCheck(level="warning", says=says, todo=todo, cases=_of_accounts(basket, own))


def _verdicts(basket: Basket) -> Iterator[LaunchCheck]:
    if back := sum(share.count - share.dormant for share in basket.shares):
        says = ngettext(
            "%(count)s account is no longer dormant or no longer listed and would be spared.",
            "%(count)s accounts are no longer dormant or no longer listed and would be spared.",
            back,
        ) % counted({"count": back})
        todo = _("Take them out or leave them in; they keep their access either way.")
        still = basket.launching.filter(basket.is_dormant).order_by().values("pk")
        cases = _concerned(basket.launching.exclude(pk__in=still), back)
        yield LaunchCheck(level="warning", says=says, todo=todo, cases=cases, can_take_out=True)
    else:
        yield LaunchCheck(level="ok", says=_("Every account in it is still dormant."))


def _addresses(basket: Basket) -> Iterator[LaunchCheck]:
    if not basket.warns:
        return
    if failed := {*_unusable(basket), *_bounced(basket)}:
        says = ngettext(
            "%(count)s address is not usable or has bounced before.",
            "%(count)s addresses are not usable or have bounced before.",
            len(failed),
        ) % counted({"count": len(failed)})
        todo = _(
            "People who cannot be warned are not revoked. Correct the address in Huwise and sync, or take them out."
        )
        cases = _of_accounts(basket, failed)
        yield LaunchCheck(level="warning", says=says, todo=todo, cases=cases, can_take_out=True)
    else:
        yield LaunchCheck(level="ok", says=_("Every address looks usable; none is known to bounce."))


def _unusable(basket: Basket) -> list[int]:
    """Accounts whose address cannot be written to: only those that are out of the ordinary are looked at."""
    if all(share.count == share.plain for share in basket.shares):
        return []
    odd = basket.launching.exclude(HAS_PLAIN_ADDRESS).order_by().values_list("account", "account__email")
    return [account for account, email in odd if not usable_for_mail(email)]


def _bounced(basket: Basket) -> list[int]:
    """Accounts whose current address refused an e-mail or bounced one."""
    entries = AuditEntryQuerySet(AuditEntry).filter(kind__in=BOUNCED)
    entries = entries.filter(account_id__in=basket.launching.order_by().values("account"))
    failed = set(entries.values_list("account_id", "cleanup"))
    past = Case.objects.filter(account__in=Among(account for account, _number in failed if account))
    past = past.exclude(cleanup=basket.cleanup).order_by()
    told = past.values_list("account", "cleanup__number", "evidence__email", "account__email")
    return [account for account, number, then, email in told if (account, number) in failed and then == email]


def _succession(basket: Basket) -> Iterator[LaunchCheck]:
    found = orphaned_rights.orphans_of(basket.workspace, basket.accounts)
    made = orphaned_rights.made_by(basket.workspace, basket.accounts)
    titles = titles_of(basket.workspace)
    rights = {orphan.name: orphan.last for orphan in found if not orphan.is_group}
    groups = {titles.get(orphan.name, orphan.name): orphan.last for orphan in found if orphan.is_group}
    if rights:
        one, many = _("Nobody would hold the right %(name)s."), _("Nobody would hold %(count)s rights.")
        yield _orphaned(basket, one if len(rights) == 1 else many, rights)
    if groups:
        one, many = _("The group %(name)s would have no member left."), _("%(count)s groups would have no members.")
        yield _orphaned(basket, one if len(groups) == 1 else many, groups)
    if made:
        yield _makers(basket, [(account, [str(group) for group in theirs]) for account, theirs in made])
    if not found and not made:
        says = _("Every right and group still has another holder.")
        yield LaunchCheck(level="ok", says=says)


def _orphaned(basket: Basket, says: str, last: Mapping[str, Sequence[Account]]) -> LaunchCheck:
    items, every = _items(basket, last.items())
    return LaunchCheck(
        level="warning",
        says=says % counted({"name": items[0].says, "count": len(items)}),
        todo=_("Decide who takes over first, or take them out."),
        cases=every,
        can_take_out=True,
        items=items if len(items) > 1 else [],
    )


def _makers(basket: Basket, made: Sequence[tuple[Account, list[str]]]) -> LaunchCheck:
    """Those who created groups, which stay."""
    items, every = _items(basket, [(", ".join(groups), [account]) for account, groups in made])
    if len(made) == 1:
        account, groups = made[0]
        says = ngettext("%(login)s created a group: %(groups)s.", "%(login)s created groups: %(groups)s.", len(groups))
        sentence = says % {"login": account.username, "groups": ", ".join(groups[:NAMED])}
    else:
        sentence = _("%(count)s of them created groups.") % counted({"count": len(made)})
    return LaunchCheck(
        level="warning",
        says=sentence,
        todo=_("The groups and their members stay. Make sure someone else manages them."),
        cases=every,
        can_take_out=True,
        items=items if len(made) > 1 else [],
    )


def _items(basket: Basket, found: Iterable[tuple[str, Sequence[Account]]]) -> tuple[list[CheckItem], Concerned]:
    """Things that were found about accounts, one by one; and all that they are about together."""
    told = [(says, [account.pk for account in accounts]) for says, accounts in found]
    every = list(dict.fromkeys(pk for _says, keys in told for pk in keys))
    shown = {pk for _says, keys in told for pk in keys[:MOST_AT_ONCE]}.union(every[:MOST_AT_ONCE])
    known = {case.account_id: case for case in _named(basket.launching.filter(account__in=Among(shown)))}

    def concerned(keys: Sequence[int]) -> Concerned:
        return Concerned(len(keys), [known[pk] for pk in keys[:MOST_AT_ONCE] if pk in known])

    return [CheckItem(says, concerned(keys)) for says, keys in told], concerned(every)


def _of_accounts(basket: Basket, keys: Collection[int]) -> Concerned:
    return _concerned(basket.launching.filter(account__in=Among(keys)), len(keys))


def _concerned(cases: QuerySet[Case], count: int) -> Concerned:
    # Of more than can be taken out at once, only those who are named are looked up.
    most = MOST_AT_ONCE if count <= MOST_AT_ONCE else SHOWN
    return Concerned(count, list(_named(cases)[:most]) if count else [])


def _named(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Of cases only what they are called by."""
    return cases.select_related("account").only("cleanup", "account__username")
