"""Which login an identity at a provider is linked to by its address, and which it is never linked to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils.timezone import now

from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry
from accounts_review.tasks import jobs
from accounts_review.workflow.people import people
from accounts_review.workflow.people.invitation import link_of
from tests.factories import make_social_account
from tests.sso_provider import OIDCProvider, sign_in_by
from tests.web.kit import text_of
from tests.web.signin.sso_kit import deliver_login_mails, is_in, somebody

Use = Callable[..., OIDCProvider]


def test_a_second_provider_does_not_take_over_a_login_of_the_first(client: Client, ines: User, provider: Use) -> None:
    entra, sub = provider(), somebody()
    entra.say(sub, email=ines.email, email_verified=True)
    sign_in_by(entra, Client(), sub)
    partners, other = provider(name="partners"), somebody()
    partners.say(other, email=ines.email, email_verified=True)
    answer = sign_in_by(partners, client, other, name="partners")
    assert answer.status_code == 403
    assert "linked to another identity already" in text_of(answer)
    assert "Ask an administrator to unlink it" in text_of(answer)
    assert not is_in(client)
    assert SocialAccount.objects.get().provider == "entra"


def test_a_link_to_a_provider_that_is_no_longer_in_use_has_to_be_undone_first(
    client: Client, ines: User, provider: Use
) -> None:
    make_social_account(ines, "https://former.example 7", provider="former")
    entra, sub = provider(), somebody()
    entra.say(sub, email=ines.email, email_verified=True)
    assert sign_in_by(entra, client, sub).status_code == 403
    people.unlink(person=ines, actor=None, now=now())
    sign_in_by(entra, client, sub)
    assert is_in(client)


def test_an_address_leads_to_no_superuser(client: Client, db: None, provider: Use) -> None:
    User.objects.create_superuser("root", "root@portal.example")
    entra, sub = provider(), somebody()
    entra.say(sub, email="root@portal.example", email_verified=True)
    assert sign_in_by(entra, client, sub).status_code == 403
    assert not SocialAccount.objects.exists()


def test_a_superuser_can_be_linked_by_an_invitation(client: Client, db: None, provider: Use) -> None:
    root = User.objects.create_superuser("root", "root@portal.example")
    entra, sub = provider(), somebody()
    entra.say(sub, email="root@portal.example", email_verified=True)
    page = client.get(link_of(root).removeprefix("http://127.0.0.1:8000"), follow=True)
    sign_in_by(entra, client, sub, invited=page.context["uid"])
    assert is_in(client)


def test_the_person_and_the_administrators_are_told_of_a_link_by_address(
    client: Client, ines: User, person: Callable[[str], User], provider: Use
) -> None:
    administrator = person("administrator")
    entra, sub = provider(), somebody()
    entra.say(sub, email=ines.email, email_verified=True)
    sign_in_by(entra, client, sub)
    assert AuditEntry.objects.get(kind=Event.SIGNIN_LINKED).details["address"] == ines.email
    jobs.send_alerts_job()
    deliver_login_mails()
    told = {sent.to[0]: f"{sent.subject} {sent.body}" for sent in mail.outbox}
    assert set(told) == {ines.email, administrator.email}
    assert "the identity at Entra with the address ines@portal.example" in told[administrator.email]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("boss@issy.example", "boss@\u0131ssy.example"),
        ("boss@issy.example", "bo\u017fs@issy.example"),
        ("boss@issy.example", "boss@i\u017f\u017fy.example"),
        ("boss@kiln.example", "boss@\u212ailn.example"),
        ("boss@stra\u00dfe.example", "boss@strasse.example"),
        ("\u03c3@issy.example", "\u03c2@issy.example"),
        ("\u00b5@issy.example", "\u03bc@issy.example"),
    ],
)
def test_an_address_that_only_looks_alike_is_somebody_elses(
    client: Client, ines: User, provider: Use, ours: str, theirs: str
) -> None:
    User.objects.filter(pk=ines.pk).update(email=ours)
    entra, sub = provider(verified_domains=[ours.partition("@")[2]]), somebody()
    entra.say(sub, email=theirs, email_verified=True)
    answer = sign_in_by(entra, client, sub)
    assert answer.status_code == 403
    assert not SocialAccount.objects.exists()
    entra.say(sub, email=ours.upper() if ours.isascii() else ours, email_verified=True)
    sign_in_by(entra, client, sub)
    assert is_in(client)


@pytest.mark.parametrize("typed", ["bo\u017fs@issy.example", "boss@\u0131ssy.example", "BOSS@i\u017fsy.example"])
def test_a_link_for_a_new_password_goes_to_the_address_that_is_known(client: Client, ines: User, typed: str) -> None:
    ines.email = "boss@issy.example"
    ines.set_password("correct horse battery")
    ines.save()
    client.post("/accounts/password/reset/", {"email": typed})
    assert {to for sent in mail.outbox for to in sent.to} <= {"boss@issy.example"}
    client.post("/accounts/password/reset/", {"email": "Boss@Issy.example"})
    assert mail.outbox[-1].to == ["boss@issy.example"]
