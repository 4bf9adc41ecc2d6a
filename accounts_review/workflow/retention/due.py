"""Whose time is over: the policy says after how many months, and an administrator has seen whom it concerns first."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Account, AuditEntry, Case, PersonalData, Workspace, permit
from accounts_review.workflow.retention import traces
from accounts_review.workflow.retention.erase import PORTAL, Erased, NotErasable, erase_accounts

A_MONTH = timedelta(days=365.25 / 12)
BATCH = 200


def due_accounts(workspace: Workspace, *, now: datetime) -> list[Account]:
    """The accounts that are gone for longer than the policy keeps them, and in no clean-up that goes on."""
    months = workspace.current_policy.rules.retention.months_after_end
    before = now - months * A_MONTH
    gone = Q(gone_at__lte=before) | Q(gone_at=None, absent_since__lte=before)
    ended_later = Case.objects.filter(account=OuterRef("pk"), moved_at__gt=before)
    accounts = Account.objects.filter(gone, workspace=workspace, erased_at=None).exclude(
        absent_since=None, gone_at=None
    )
    open_cases = Case.objects.open().filter(account=OuterRef("pk"))
    return list(accounts.exclude(Exists(open_cases)).exclude(Exists(ended_later)).order_by("pk"))


def due_people(workspace: Workspace, *, now: datetime) -> list[User]:
    """People of the portal who left it longer ago than the policy keeps their names."""
    months = workspace.current_policy.rules.retention.keep_audit_names_months
    left = AuditEntry.objects.filter(kind=Event.PERSON_DEACTIVATED, at__lte=now - months * A_MONTH)
    logins = {str(entry.details.get("login", "")) for entry in left.select_related("personal")}
    return list(User.objects.filter(username__in=logins, is_active=False).order_by("pk"))


@transaction.atomic
def begin(*, workspace: Workspace, actor: User, now: datetime) -> None:
    """Let the nightly task erase from now on, after an administrator has seen whom it concerns."""
    permit(actor, "administer", workspace)
    if workspace.retention_since:
        raise NotErasable(_("Personal data of %(name)s are erased by themselves already.") % {"name": workspace})
    workspace.retention_since = now
    workspace.save(update_fields=["retention_since"])
    data = {"fields": ["retention"]}
    audit.log([workspace], kind=Event.WORKSPACE_DESCRIBED, actor=actor.get_username(), now=now, data=data)


def apply_retention(*, workspace: Workspace, now: datetime) -> Erased:
    """Erase those whose time is over, in batches, each in a transaction of its own."""
    done, accounts = Erased(), due_accounts(workspace, now=now)
    for first in range(0, len(accounts), BATCH):
        erased = erase_accounts(accounts[first : first + BATCH], now=now)
        done.accounts += erased.accounts
        done.terms += erased.terms
    for person in due_people(workspace, now=now):
        done.terms += _forget(person, workspace, now=now)
    return done


@transaction.atomic
def _forget(person: User, workspace: Workspace, *, now: datetime) -> list[str]:
    """Somebody of the portal who left: their acts stay, without their name."""
    terms = [term for term in (person.username, person.email, person.get_full_name()) if len(term) >= traces.SHORTEST]
    audit.wait_for_turn()
    PersonalData.objects.filter(account_id=None, name=person.username).erase(now=now)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT digest FROM accounts_review_personaldata WHERE erased_at IS NULL AND details::text ~* %s",
            [traces.pattern_of(terms)],
        )
        telling = [row[0] for row in cursor.fetchall()]
    PersonalData.objects.filter(digest__in=telling).erase(now=now)
    person.username, person.email, person.first_name, person.last_name = f"erased-{person.pk}", "", "", ""
    person.save()
    traces.sweep_tables(terms)
    data = {"erased_at": now.isoformat(), "kind": "retention"}
    audit.log([workspace], kind=Event.PERSON_ERASED, actor=PORTAL, now=now, data=data)
    return terms
