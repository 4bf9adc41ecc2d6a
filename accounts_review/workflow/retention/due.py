"""Who is due for erasure: by the months that the policy sets, once an administrator has seen whom it affects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Window
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.audit.verification.actors import PROGRAMS
from accounts_review.models import Account, AuditEntry, Case, PersonalData, PolicyVersion, Workspace, permit
from accounts_review.models.hold import PORTAL
from accounts_review.workflow.retention import texts, traces
from accounts_review.workflow.retention.erase import Erased, NotErasable, erase_accounts, hold_places
from accounts_review.workflow.retention.terms import SearchTerms

A_MONTH = timedelta(days=365.25 / 12)

log = structlog.get_logger(__name__)


def due_accounts(workspace: Workspace, *, now: datetime) -> list[Account]:
    """The accounts that are gone for longer than the policy keeps them, and in no clean-up that goes on."""
    return list(_due(workspace, now))


def first_due(workspace: Workspace, *, now: datetime, most: int) -> tuple[list[str], int]:
    """The names of the first so many of them, and how many there are: nobody else's record is read."""
    found = _due(workspace, now).annotate(count=Window(Count("pk"))).values_list(*("username", "count"))[:most]
    return [name for name, _count in found], found[0][1] if found else 0


def _due(workspace: Workspace, now: datetime) -> QuerySet[Account]:
    months = workspace.current_policy.rules.retention.months_after_end
    before = now - months * A_MONTH
    gone = Q(gone_at__lte=before) | Q(gone_at=None, absent_since__lte=before)
    ended_later = Case.objects.filter(account=OuterRef("pk"), moved_at__gt=before)
    accounts = Account.objects.filter(gone, workspace=workspace, erased_at=None)
    open_cases = Case.objects.open().filter(account=OuterRef("pk"))
    return accounts.exclude(Exists(open_cases)).exclude(Exists(ended_later)).order_by("pk")


def due_people(workspace: Workspace, *, now: datetime) -> list[User]:
    """People of a workspace who left the portal, longer ago than any workspace of theirs keeps names."""
    left = AuditEntry.objects.of(workspace).filter(kind=Event.PERSON_DEACTIVATED).select_related("personal")
    logins = {str(entry.details.get("login", "")) for entry in left} - {""}
    gone = User.objects.filter(username__in=logins, is_active=False).order_by("pk")
    return [person for person in gone if _is_over(person, now=now)]


def _is_over(person: User, *, now: datetime) -> bool:
    """Whether the last time they left is longer ago than the longest that one of their workspaces keeps names."""
    last = _told_of(person).filter(kind=Event.PERSON_DEACTIVATED).aggregate(at=Max("at"))["at"]
    policies = PolicyVersion.objects.filter(workspace__in=_places_of(person, Workspace.objects.all()), is_current=True)
    months = max((version.rules.retention.keep_audit_names_months for version in policies), default=None)
    return last is not None and months is not None and last <= now - months * A_MONTH


def _told_of(person: User) -> QuerySet[AuditEntry]:
    return AuditEntry._base_manager.filter(personal__details__login=person.username)


def _places_of(person: User, workspaces: Iterable[Workspace]) -> list[Workspace]:
    """The workspaces whose audit names a person of the portal, as who acts or as who is spoken of."""
    acted = AuditEntry._base_manager.filter(actor_ref__account_id=None, actor_ref__name=person.username)
    named = {*acted.values_list("workspace", flat=True), *_told_of(person).values_list("workspace", flat=True)}
    return [place for place in workspaces if named.intersection(place.names)]


@transaction.atomic
def begin(*, workspace: Workspace, actor: User, now: datetime) -> None:
    """Let the nightly task erase from now on, after an administrator has seen whom it concerns."""
    permit(actor, "administer", workspace)
    if workspace.retention_since:
        raise NotErasable(_("Personal data of %(name)s are already erased automatically.") % {"name": workspace})
    workspace.retention_since = now
    workspace.save(update_fields=["retention_since"])
    data = {"fields": ["retention"]}
    audit.log([workspace], kind=Event.WORKSPACE_DESCRIBED, actor=actor.get_username(), now=now, data=data)


def apply_retention(*, workspace: Workspace, now: datetime) -> Erased:
    """Erase those whose time is over, each in a transaction of their own; ``failed`` says who is left."""
    done = Erased()
    for account in due_accounts(workspace, now=now):
        with _going_on(done, f"account {account.pk}"):
            erased = erase_accounts([account], now=now)
            done.accounts += erased.accounts
            done.terms += erased.terms
    for person in due_people(workspace, now=now):
        with _going_on(done, f"login {person.pk}"):
            done.terms += _forget(person, workspace, now=now)
    return done


@contextmanager
def _going_on(done: Erased, what: str) -> Iterator[None]:
    """Go on with the next one after a failure. Neither its text nor its trace is kept: they may hold the name."""
    try:
        yield
    except Exception as error:
        kind = type(error).__name__
        log.error("could not erase personal data", what=what, error=kind)
        done.failed.append(f"{what} ({kind})")


@transaction.atomic
def _forget(person: User, workspace: Workspace, *, now: datetime) -> list[str]:
    """Somebody of the portal who left: their acts stay, without their name."""
    login, instead = person.username, f"erased-{person.pk}"
    terms = SearchTerms.of((login, person.email, person.get_full_name()))
    everywhere = hold_places(Workspace.objects.values_list("pk", flat=True))
    audit.wait_for_turn()
    places = _places_of(person, everywhere)
    names = [name for place in places for name in place.names]
    if login not in PROGRAMS:  # A login of that name cannot be told from the program.
        PersonalData.objects.filter(account_id=None, name=login).erase(now=now)
        texts.rename_login(login, instead)
    # An entry of the portal as a whole names no workspace.
    telling = texts.telling(terms, names=[*names, ""], login=login)
    PersonalData.objects.filter(pk__in=telling).erase(now=now)
    person.username, person.email, person.first_name, person.last_name = instead, "", "", ""
    person.save()
    person.emailaddress_set.all().delete()  # type: ignore[attr-defined]
    person.usersession_set.all().delete()  # type: ignore[attr-defined]
    traces.sweep_tables(terms, workspaces=[place.pk for place in places])
    data = {"erased_at": now.isoformat(), "kind": "retention"}
    audit.log([workspace], kind=Event.PERSON_ERASED, actor=PORTAL, now=now, data=data)
    return list(terms.words)
