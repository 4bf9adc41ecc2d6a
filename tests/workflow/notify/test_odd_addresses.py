"""Addresses that a mail server may read as others: exactly the right one is written to, or none."""

from __future__ import annotations

from collections.abc import Callable
from email.policy import SMTPUTF8
from typing import Any

import pytest

from accounts_review.workflow import advance
from tests.stage import SetStage, Stage, policy_text, someone
from tests.workflow.notify.kit import send
from tests.workflow.notify.mail_server import Server

PEOPLE = ("anna", "bela", "cleo", "dina", "emil", "fran", "gina")


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(*(someone(name) for name in PEOPLE), policy=policy_text(notice=30), launched=PEOPLE)


# Addresses

ODD = {
    "plus": "a+b@ville.example",
    "percent": "a%b@ville.example",
    "dots": "a..b@ville.example",
    "quote": "o'hara@ville.example",
    "like an option": "-oQ@ville.example",
    "IDN": "anna@exämple.org",
    "IDN by the newer rule": "anna@straße.example",
}


@pytest.mark.matrix(fast=2, reason="a mail server for each address")
@pytest.mark.parametrize("address", ODD.values(), ids=ODD)
def test_the_server_is_given_exactly_the_address(set_stage: SetStage, server: Server, address: str) -> None:
    stage = set_stage(someone("anna", email=address), policy=policy_text(notice=30), launched=("anna",))
    assert send(stage).sent == 1
    local, _, domain = address.partition("@")
    known = {"exämple.org": "xn--exmple-cua.org", "straße.example": "xn--strae-oqa.example"}
    expected = f"{local}@{known.get(domain, domain)}"
    assert server.recipients == [expected]
    assert server.accepted[0]["To"] == expected


@pytest.mark.parametrize(
    "address",
    ['"a b"@ville.example', "=?utf-8?q?eve=40evil.example=3e?=@ville.example", "a@b.org\nBcc: eve@evil.example"],
)
def test_what_could_be_read_as_another_address_is_never_written_to(
    set_stage: SetStage, server: Server, address: str
) -> None:
    stage = set_stage(someone("anna", email=address), policy=policy_text(notice=30))
    assert stage.verdicts()["anna"] == "uncertain"


def test_an_address_outside_ascii_cannot_be_warned_where_the_server_does_not_take_it(
    set_stage: SetStage, server: Server
) -> None:
    people = [someone("jose", email="josé.martin@ville.example"), someone("omar")]
    stage = set_stage(*people, policy=policy_text(notice=30), launched=("jose", "omar"))
    done = send(stage)
    assert (done.sent, done.undeliverable, done.left, done.error) == (1, 1, 0, "")
    assert server.recipients == ["omar@ville.example"]
    assert stage.why("jose") == ["no_smtputf8"]
    stage.clock.advance(days=31)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.revoke()
    assert stage.states() == {"jose": "undeliverable", "omar": "revoked"}


def test_an_address_outside_ascii_is_written_to_as_it_is_where_the_server_takes_it(
    set_stage: SetStage, serve: Callable[..., Server]
) -> None:
    server = serve(utf8=True)
    people = [someone("jose", email="josé.martin@exämple.org"), someone("omar")]
    stage = set_stage(*people, policy=policy_text(notice=30), launched=("jose", "omar"))
    assert send(stage).sent == 2
    assert server.recipients == ["josé.martin@xn--exmple-cua.org", "omar@ville.example"]
    assert server.accepted[0].as_bytes(policy=SMTPUTF8).count("To: josé.martin@xn--exmple-cua.org".encode()) == 1


def test_our_own_address_that_is_wrong_is_charged_to_nobody(stage: Stage, server: Server, settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "Portal <not an address"
    done = send(stage)
    assert (done.sent, done.undeliverable, done.left) == (0, 0, 7)
    assert done.error
