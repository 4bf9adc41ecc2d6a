"""The addresses of those who signed in end after a while; the entries and the chain do not."""

from __future__ import annotations

from datetime import timedelta

from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.audit.verification import accounts
from accounts_review.models import AuditEntry, Workspace
from accounts_review.tasks import nightly
from accounts_review.workflow.retention.clients import forget_clients

MONTHS = timedelta(days=90)


def sign_in(workspace: Workspace, *, days_ago: int, client: str) -> AuditEntry:
    at = now() - timedelta(days=days_ago)
    audit.log([workspace], kind=Event.SIGNIN_DONE, actor="marie", now=at, data={"client": client})
    return AuditEntry.objects.order_by("-seq")[0]


def test_an_address_is_forgotten_after_its_time_and_its_entry_holds(workspace: Workspace) -> None:
    old, new = sign_in(workspace, days_ago=91, client="192.0.2.1"), sign_in(workspace, days_ago=89, client="192.0.2.2")
    assert forget_clients(workspace=workspace, after=MONTHS, now=now()) == 1
    assert AuditEntry.objects.get(pk=old.pk).details == {}
    assert AuditEntry.objects.get(pk=new.pk).details == {"client": "192.0.2.2"}
    assert audit.verify() == (AuditEntry.objects.count(), None)
    assert list(accounts._erased_without_entry()) == []
    assert AuditEntry.objects.filter(kind=Event.PERSON_ERASED, data__count=1).exists()
    assert forget_clients(workspace=workspace, after=MONTHS, now=now()) == 0, "nothing is left to tell of"


def test_other_personal_details_stay(workspace: Workspace) -> None:
    at = now() - timedelta(days=400)
    audit.log(
        [workspace], kind=Event.PERSON_INVITED, actor="marie", now=at, data={"login": "ana", "email": "a@x.example"}
    )
    data = {"kind": "lost", "login": "ana"}
    audit.log([workspace], kind=Event.SIGNIN_FACTOR_REMOVED, actor="marie", now=at, data=data)
    assert forget_clients(workspace=workspace, after=MONTHS, now=now()) == 0


def test_an_address_from_before_the_first_workspace_is_forgotten_too(workspace: Workspace) -> None:
    before = sign_in(Workspace(), days_ago=91, client="192.0.2.1")
    assert forget_clients(workspace=workspace, after=MONTHS, now=now()) == 1
    assert AuditEntry.objects.get(pk=before.pk).details == {}
    assert list(accounts._erased_without_entry()) == []


def test_it_happens_every_night(workspace: Workspace) -> None:
    entry = sign_in(workspace, days_ago=91, client="192.0.2.1")
    nightly.retention_job()
    assert AuditEntry.objects.get(pk=entry.pk).details == {}


def used(key: str, *, days_ago: int, expires_in: int | None) -> None:
    """Where somebody is or was signed in; the session is gone where ``expires_in`` is ``None``."""
    person, _is_new = User.objects.get_or_create(username="marie")
    seen = now() - timedelta(days=days_ago)
    UserSession.objects.create(user=person, ip="192.0.2.9", session_key=key, user_agent="Browser", last_seen_at=seen)
    if expires_in is not None:
        Session.objects.create(session_key=key, session_data="", expire_date=now() + timedelta(days=expires_in))


def test_where_people_were_signed_in_goes_with_their_session(workspace: Workspace) -> None:
    used("running", days_ago=1, expires_in=1)
    used("over", days_ago=1, expires_in=-1)
    used("signed-out", days_ago=1, expires_in=None)
    used("old", days_ago=91, expires_in=1)
    nightly.retention_job()
    assert list(UserSession.objects.values_list("session_key", flat=True)) == ["running"]
