"""One row of each model as the portal might have written it, and one person as the API lists them.

Whatever a test does not care about has a value here; every column and field can be given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.db import transaction

from accounts_review.facts import incarnation_of
from accounts_review.huwise import decode_user, digest_of
from accounts_review.models import (
    Account,
    ActivityGap,
    BulkDecision,
    Case,
    Cleanup,
    EmailText,
    Exemption,
    Group,
    Hold,
    PolicyPreview,
    PolicyVersion,
    Role,
    Run,
    SavedView,
    Sync,
    Workspace,
)
from accounts_review.models.hold import PORTAL
from accounts_review.workflow.policy import activate
from huwise_sandbox import records
from huwise_sandbox.records import Record

NOW = datetime(2026, 6, 15, 8, 0, tzinfo=UTC)
"""When tests take place that bring their own clock."""


def at_the_start() -> datetime:
    return NOW


# As the API lists them


def days_ago(days: float, *, clock: Callable[[], datetime] = at_the_start) -> str:
    """An instant before the clock's, as the API writes it."""
    return records.instant(clock() - timedelta(days=days))


def someone(
    username: str, *, idle: float = 1000, clock: Callable[[], datetime] = at_the_start, **fields: Any
) -> Record:
    """A person without any right, last seen so many days ago, who had joined a year before that."""
    email = f"{re.sub('[^a-z0-9.]', '.', username.partition('@')[0].lower())}@ville.example"
    known = {
        "display_name": username,
        "email": email,
        "joined_at": days_ago(idle + 365, clock=clock),
        "last_seen_at": days_ago(idle, clock=clock),
    }
    return records.user(username, **(known | fields))


# As the portal remembers them


def make_workspace(name: str = "other", **columns: Any) -> Workspace:
    return Workspace.objects.create(name=name, **({"created_at": NOW} | columns))


def give_role(person: User, role: str, workspace: Workspace | None = None) -> None:
    """A role in a workspace, or in the whole portal, instead of the one they had there; "" takes it away."""
    Role.objects.filter(person=person, workspace=workspace).delete()
    if role:
        Role.objects.create(person=person, workspace=workspace, name=role)


def make_account(workspace: Workspace, username: str = "marie", **columns: Any) -> Account:
    """An account of which nothing is known but its name."""
    known = {"incarnation": "", "raw": "{}", "digest": username[:60], "read_at": NOW}
    return Account.objects.create(workspace=workspace, username=username, **(known | columns))


def account_of(workspace: Workspace, record: Record, *, read_at: datetime) -> Account:
    """The account that a sync would store for a record; it is not stored yet."""
    raw = json.dumps(record)
    user = decode_user(raw)
    return Account(
        workspace=workspace,
        username=user.username,
        incarnation=incarnation_of(user),
        email=user.email,
        display_name=user.display_name,
        first_name=user.first_name,
        last_name=user.last_name,
        account_type=user.account_type,
        groups=list(user.groups or ()),
        raw=raw,
        digest=digest_of(raw.encode()).hex(),
        read_at=read_at,
    )


def make_group(workspace: Workspace, uid: str, **columns: Any) -> Group:
    return Group.objects.create(workspace=workspace, uid=uid, **({"title": f"Title of {uid}"} | columns))


def make_cleanup(workspace: Workspace, number: int = 1, **columns: Any) -> Cleanup:
    return Cleanup.objects.create(workspace=workspace, number=number, **({"created_at": NOW} | columns))


def make_case(cleanup: Cleanup, account: Account, **columns: Any) -> Case:
    known: dict[str, Any] = {"approved_at": NOW, "moved_at": NOW, "evidence": {}}
    return Case.objects.create(cleanup=cleanup, account=account, **(known | columns))


def make_exemption(account: Account, **columns: Any) -> Exemption:
    known = {"until": NOW + timedelta(days=30), "reason": "on leave", "by_login": "rita", "at": NOW}
    return Exemption.objects.create(account=account, **(known | columns))


def make_hold(cause: Hold.Cause = Hold.Cause.PERSON, **columns: Any) -> Hold:
    """A hold of the whole portal, put down by the portal itself."""
    return Hold.objects.create(cause=cause, **({"at": NOW, "by": PORTAL} | columns))


def make_sync(workspace: Workspace, *, at: datetime = NOW, **columns: Any) -> Sync:
    """A sync that has begun; it has ended where ``finished_at`` is given."""
    return Sync.objects.create(workspace=workspace, **({"started_at": at, "heartbeat_at": at} | columns))


def make_bulk_decision(workspace: Workspace, **columns: Any) -> BulkDecision:
    """A decision on nobody, confirmed by somebody who is gone."""
    known = {"decision": "approve", "by_login": "reviewer", "policy": workspace.current_policy, "at": NOW}
    known |= {"heartbeat_at": NOW, "accounts": [], "total": 0}
    return BulkDecision.objects.create(workspace=workspace, **(known | columns))


def make_policy_preview(workspace: Workspace, **columns: Any) -> PolicyPreview:
    """A preview of the policy in force, which moves nobody."""
    version = workspace.current_policy
    known = {"text": version.text, "over": version, "total": 0, "created_at": NOW, "heartbeat_at": NOW}
    return PolicyPreview.objects.create(workspace=workspace, **(known | columns))


def make_run(*, at: datetime = NOW, **columns: Any) -> Run:
    """A run of a task that was over at once."""
    return Run.objects.create(**({"task": "sweep", "started_at": at, "finished_at": at} | columns))


def make_email_text(workspace: Workspace, text: str, **columns: Any) -> EmailText:
    """A text of the operator's for the subject of notices."""
    known = {"language": "en", "kind": "notice", "part": "subject"}
    return EmailText.objects.create(workspace=workspace, text=text, **(known | columns))


def make_saved_view(workspace: Workspace, owner: User, **columns: Any) -> SavedView:
    """A person's own view of the review page."""
    known = {"name": "mine", "query": "q=marie"}
    return SavedView.objects.create(workspace=workspace, owner=owner, **(known | columns))


def make_social_account(user: User, uid: str, **columns: Any) -> SocialAccount:
    """A link to the account that a person has with a provider."""
    return SocialAccount.objects.create(user=user, uid=uid, **({"provider": "entra"} | columns))


def make_activity_gap(account: Account, *, since: datetime, until: datetime) -> ActivityGap:
    """A long silence of an account that ended."""
    return ActivityGap.objects.create(account=account, silent_since=since, seen_at=until)


def put_in_force(workspace: Workspace, text: str, *, now: datetime, reason: str = "test") -> PolicyVersion:
    """A policy that came into force without a preview; nobody is judged by it yet."""
    with transaction.atomic():
        return activate.put_in_force(workspace, text, login="shell", reason=reason, now=now)
