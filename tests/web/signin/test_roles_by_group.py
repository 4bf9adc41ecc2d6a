"""Roles follow the groups that a provider names, and no other word of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from accounts_review.audit.events import Event
from accounts_review.audit.verification.actors import check_actors
from accounts_review.models import AuditEntry
from accounts_review.tasks import jobs
from tests.factories import give_role, make_workspace
from tests.sso_provider import OIDCProvider, sign_in_by
from tests.web.kit import text_of
from tests.web.signin.sso_kit import is_in, roles_of, somebody

Use = Callable[..., OIDCProvider]


GROUPS = {"roles": {"admins": [("administrator", "")], "deciders": [("reviewer", "main"), ("auditor", "other")]}}


def test_roles_follow_the_groups_at_each_sign_in(client: Client, ines: User, provider: Use, person: Any) -> None:
    make_workspace("other")
    person("administrator")
    entra, sub = provider(**GROUPS), somebody()
    about = {"email": ines.email, "email_verified": True}
    entra.say(sub, **about, groups=["deciders", "everybody"])
    sign_in_by(entra, client, sub)
    assert roles_of(ines) == {("main", "reviewer"), ("other", "auditor")}
    entra.say(sub, **about, groups=["admins"])
    sign_in_by(entra, Client(), sub)
    assert roles_of(ines) == {("", "administrator")}
    assert not is_in(client), "whoever loses a role in a workspace is signed out elsewhere"
    entra.say(sub, **about, groups=[])
    sign_in_by(entra, client, sub)
    assert roles_of(ines) == set()
    assert client.get("/").status_code == 403
    entries = AuditEntry.objects.filter(kind=Event.ROLE_GRANTED).order_by("seq")
    assert {(entry.actor, entry.data["provider"]) for entry in entries} == {("portal", "Entra")}
    assert [flaw for flaw in check_actors() if "ines" in flaw.problem] == []
    assert mail.outbox == [], "a sign-in waits for no mail server"
    jobs.send_alerts_job()
    told = [(sent.to[0], sent.subject) for sent in mail.outbox]
    assert ("ines@portal.example", "Your role in the Cleanup Portal was changed") in told
    to_administrator = [subject for address, subject in told if address == "administrator@portal.example"]
    assert sum("(Entra) changed the role of ines in" in subject for subject in to_administrator) == 5
    jobs.send_alerts_job()
    assert len(mail.outbox) == len(told)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example"}}},
        {"groups": None},
        {"groups": {"a": 1}},
        {"groups": [1, 2]},
        {"hasgroups": True},
    ],
)
def test_a_token_without_its_groups_refuses_and_takes_no_role(
    client: Client, ines: User, provider: Use, claims: dict[str, Any]
) -> None:
    entra, sub = provider(**GROUPS), somebody()
    entra.say(sub, email=ines.email, email_verified=True, **claims)
    answer = sign_in_by(entra, client, sub)
    assert answer.status_code == 403
    assert "did not say which groups" in text_of(answer)
    assert not is_in(client)
    assert roles_of(ines) == {("main", "reviewer")}


def test_a_provider_without_groups_leaves_the_roles_to_the_people_page(
    client: Client, ines: User, provider: Use
) -> None:
    google, sub = provider(), somebody()
    google.say(sub, email=ines.email, email_verified=True, groups=["admins"])
    sign_in_by(google, client, sub)
    assert roles_of(ines) == {("main", "reviewer")}


def test_the_last_administrator_keeps_the_role_and_stays_out(client: Client, ines: User, provider: Use) -> None:
    give_role(ines, "administrator")
    entra, sub = provider(**GROUPS), somebody()
    entra.say(sub, email=ines.email, email_verified=True, groups=["deciders"])
    answer = sign_in_by(entra, client, sub)
    assert "there is no other one" in text_of(answer)
    assert not is_in(client)
    assert ("", "administrator") in roles_of(ines)


def test_groups_may_lie_deep_in_the_token(client: Client, ines: User, provider: Use, person: Any) -> None:
    person("administrator")
    keycloak, sub = provider(**GROUPS, groups_claim="resource_access.portal.roles"), somebody()
    keycloak.say(sub, email=ines.email, email_verified=True, resource_access={"portal": {"roles": ["admins"]}})
    sign_in_by(keycloak, client, sub)
    assert roles_of(ines) == {("", "administrator")}
