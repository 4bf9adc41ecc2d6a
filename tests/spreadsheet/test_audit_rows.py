"""Audit entries as lines: written from bare rows or from models, they are the same to the letter."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, PersonalData, Workspace
from accounts_review.spreadsheet.audit_rows import audit_line, audit_lines, packed_lines
from tests.web.kit import read, someone

ODD = {
    "reason": 'é ü 😀 "quoted" \\ / \x01\x1f\x7f\u2028\u202e\n\t',
    "ключ": "<&>",
    "numbers": [0, -1, 12345678901234567890],
    "nothing": [None, True, False, [], {}],
    "mail": {"subject": "Hi", "text": "a\r\nb"},
}


@pytest.fixture
def entries(workspace: Workspace) -> None:
    """Of accounts with odd names, one of whom is erased, and of the workspace."""
    people = read(workspace, someone('"ana"\\<b>'), someone("bén😀"))
    audit.log(people, kind=Event.ACCOUNT_SNOOZED, actor='o"\u202ep', now=now(), data=ODD)
    audit.log([workspace], kind=Event.AUDIT_EXPORTED, actor="ana", now=now().replace(microsecond=0), data=ODD)
    PersonalData.objects.filter(account_id=people[0].pk).erase(now=now())


@pytest.mark.usefixtures("entries")
def test_a_packed_line_is_what_a_line_is() -> None:
    query = AuditEntry.objects.order_by("seq")
    every = list(query.select_related("actor_ref", "subject_ref", "personal"))
    told, places = {entry.seq for entry in every}, {entry.workspace for entry in every}
    assert list(packed_lines(query, told=told, workspaces=places)) == [audit_line(entry) for entry in every]


@pytest.mark.usefixtures("entries")
def test_what_is_not_told_has_no_names_and_other_workspaces_are_sealed() -> None:
    query = AuditEntry.objects.order_by("seq")
    whole, *_others = packed_lines(query, told=(), workspaces=set(query.values_list("workspace", flat=True)))
    first = query[0]
    assert list(json.loads(whole)) == list(json.loads(audit_line(first)))[:-3]
    sealed, *_others = packed_lines(query, told={first.seq}, workspaces=())
    assert json.loads(sealed) == {"seq": first.seq, "previous": first.previous, "digest": first.digest}


@pytest.mark.usefixtures("entries")
def test_what_was_taken_from_beside_the_chain_is_left_out() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM accounts_review_personaldata WHERE account_id IS NOT NULL")
        cursor.execute("SET LOCAL session_replication_role = origin")
    query = AuditEntry.objects.order_by("seq")
    every = list(query.values_list("seq", "workspace"))
    told, places = {seq for seq, _workspace in every}, {workspace for _seq, workspace in every}
    lines = [json.loads(line) for line in packed_lines(query, told=told, workspaces=places)]
    assert [line["seq"] for line in lines] == sorted(told)
    assert [json.loads(line)["beside"] for line in audit_lines(query)] == [line["beside"] for line in lines]
