"""A sign-in provider for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now
from pytest_django import Settings

from accounts_review.models import Workspace
from accounts_review.workflow.people import people
from tests.sso_provider import OIDCProvider, running_provider


@pytest.fixture(scope="session")
def oidc_server() -> Iterator[OIDCProvider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(oidc_server: OIDCProvider, settings: Settings) -> Callable[..., OIDCProvider]:
    """Has the portal know the provider, under the settings given; returns it."""

    def use(**known: Any) -> OIDCProvider:
        settings.OIDC = [oidc_server.settings(**known)]
        about = dict(settings.SOCIALACCOUNT_PROVIDERS["openid_connect"])
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": about | {"APPS": settings.OIDC}}
        return oidc_server

    return use


@pytest.fixture
def ines(workspace: Workspace) -> User:
    """Somebody with a role and without a password."""
    change = people.add_person(
        login="ines", email="ines@portal.example", role="reviewer", workspace=workspace, actor=None, now=now()
    )
    return change.person
