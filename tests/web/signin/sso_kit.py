"""Who signs in by a provider in the tests of this folder."""

from __future__ import annotations

from uuid import uuid4

from django.contrib.auth.models import User
from django.test import Client
from django_q.models import OrmQ

from accounts_review.tasks import jobs


def somebody() -> str:
    """A subject that no other test has used."""
    return f"sub-{uuid4()}"


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def deliver_login_mails() -> None:
    """Have the worker send what sign-ins have left to be told."""
    for waiting in OrmQ.objects.order_by("pk"):
        if waiting.func() == "accounts_review.tasks.jobs.login_mail_job":
            jobs.login_mail_job(*waiting.args())
            waiting.delete()


def roles_of(person: User) -> set[tuple[str, str]]:
    return {(role.workspace.name if role.workspace else "", role.name) for role in person.roles.all()}
