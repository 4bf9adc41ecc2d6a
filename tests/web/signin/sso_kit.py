"""Who signs in by a provider in the tests of this folder."""

from __future__ import annotations

from uuid import uuid4

from django.contrib.auth.models import User
from django.test import Client


def somebody() -> str:
    """A subject that no other test has used."""
    return f"sub-{uuid4()}"


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def roles_of(person: User) -> set[tuple[str, str]]:
    return {(role.workspace.name if role.workspace else "", role.name) for role in person.roles.all()}
