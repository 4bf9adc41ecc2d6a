"""The audit: found, read, proven and taken along."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit import sentences
from accounts_review.audit.checkpoint import GENESIS
from accounts_review.audit.events import Event, named
from accounts_review.models import AuditEntry, Workspace
from accounts_review.web.audit import views
from tests.factories import give_role, make_workspace
from tests.web.records_kit import HOSTILE, Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("auditor")


def entries(page: Any) -> list[AuditEntry]:
    return [row.record for row in page.context["table"].rows]


def kinds(page: Any) -> set[str]:
    return {entry.kind for entry in entries(page)}


def write(site: Site, kind: str, *, actor: str = "olga", ago: timedelta = timedelta(0), **data: Any) -> None:
    audit.log([site.workspace], kind=named(kind), actor=actor, now=now() - ago, data=data)


def write_of_another_version(site: Site, kind: str, **data: Any) -> None:
    """An entry of an event that this version does not know."""
    write(site, "case.held", **data)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE accounts_review_auditentry SET kind = %s WHERE kind = 'case.held'", [kind])
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


def test_the_newest_entry_comes_first(site: Site) -> None:
    site.draft("ana")
    page = entries(site.get("audit"))
    assert [entry.seq for entry in page] == sorted((entry.seq for entry in page), reverse=True)
    assert page[0].kind == "account.approved"


def test_an_entry_is_a_sentence_with_its_details(site: Site) -> None:
    site.draft("ana", reason="left in spring")
    page = site.get("audit", {"kind": "account.approved"})
    assert "approved for the next clean-up: left in spring" in text(page)
    entry = AuditEntry.objects.get(kind="account.approved")
    assert entry.digest in text(page)
    assert "&quot;limit_days&quot;: 730" in text(page)
    assert site.at("account", pk=entry.account_id) in text(page)
    assert site.at("cleanup", number=entry.cleanup) in text(page)


def test_each_link_to_what_was_known_names_its_account_and_its_entry(site: Site) -> None:
    for name in ("ana", "ben"):
        site.draft(name)
    for page in (site.get("audit"), site.get("account", pk=site.workspace.accounts.get(username="ana").pk)):
        links = re.findall(r">what was known(.*?)</a>", text(page))
        assert links
        assert len(links) == len(set(links))
        assert any(": ana, entry " in link for link in links)


def test_an_unknown_kind_shows_as_it_is(site: Site) -> None:
    write_of_another_version(site, "comet.seen", where="north")
    assert "comet.seen" in text(site.get("audit"))


@pytest.mark.matrix(fast=4, reason="each filter is a whole page")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"kind": "account.approved"}, {"account.approved"}),
        ({"actor": "OLGA"}, {"policy.adopted"}),
        ({"q": "AN"}, {"account.approved"}),
        ({"q": "zed"}, set()),
        ({"cleanup": "1"}, {"account.approved"}),
        ({"cleanup": "2"}, set()),
        ({"until": "2001-01-01"}, set()),
        ({"since": "2999-01-01"}, set()),
        ({"kind": "account."}, {"account.approved"}),
        ({"kind": "nonsense"}, set()),
        ({"since": "yesterday"}, set()),
        ({"cleanup": "many"}, set()),
        ({"account": str(10**30)}, set()),
        ({"q": "\x00"}, set()),
    ],
)
def test_filters(site: Site, query: dict[str, str], found: set[str]) -> None:
    site.draft("ana")
    write(site, "policy.adopted")
    assert kinds(site.get("audit", query)) == found


def test_a_filter_that_is_not_valid_says_so(site: Site) -> None:
    assert "Enter a valid date." in text(site.get("audit", {"since": "yesterday"}))


def test_by_account_and_by_days(site: Site) -> None:
    site.draft("ana", "ben")
    account = site.case("ben").account_id
    assert [entry.subject for entry in entries(site.get("audit", {"account": account}))] == ["ben"]
    write(site, "digest.sent", ago=timedelta(days=40))
    days = {"since": f"{now() - timedelta(days=41):%Y-%m-%d}", "until": f"{now() - timedelta(days=39):%Y-%m-%d}"}
    assert kinds(site.get("audit", days)) == {"digest.sent"}


def test_another_workspace_is_not_shown(site: Site) -> None:
    other = make_workspace()
    audit.log([other], kind=Event.WORKSPACE_OPENED, actor="ghost", now=now())
    assert "ghost" not in {entry.actor for entry in entries(site.get("audit"))}


def test_htmx_gets_the_entries_only(site: Site) -> None:
    page = site.get("audit", {"kind": "workspace.opened"}, htmx=True)
    assert b"<html" not in page.content
    assert b"?kind=workspace.opened" in page.content


def test_it_asks_as_much_for_many_as_for_few(site: Site, django_assert_max_num_queries: Any) -> None:
    for number in range(100):
        write(site, "case.spared", why=f"reason {number}")
    with django_assert_max_num_queries(12):
        page = site.get("audit", {"per_page": 100})
    assert len(entries(page)) == 102


def verified(site: Site, **data: str) -> str:
    """What the page says, where people had their roles without an entry."""
    User.objects.update(is_superuser=True)
    return text(site.follow("audit_verify", data))


def test_the_whole_record_holds(site: Site) -> None:
    site.draft("ana")
    assert "no checkpoint is kept here" in verified(site)
    kept = str(audit.newest_checkpoint())
    assert f"All {AuditEntry.objects.count()} entries hold" in verified(site, checkpoint=kept)


def test_a_long_audit_is_left_to_the_worker_but_a_saved_checkpoint_is_compared_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.draft("ana")
    monkeypatch.setattr(views, "AT_ONCE", 1)
    kept = audit.newest_checkpoint()
    matching = verified(site, checkpoint=str(kept))
    assert f"Entry {kept.seq} is the one the checkpoint names." in matching
    assert "The audit is being verified." in matching
    assert "the audit was rewritten" in verified(site, checkpoint=f"{kept.seq}:{'0' * 64}")
    assert "the end was cut off" in verified(site, checkpoint=f"{kept.seq + 100}:{'0' * 64}")
    of_no_entry = verified(site, checkpoint=f"0:{GENESIS}")
    assert "the audit was rewritten" not in of_no_entry, "it was saved before the first entry"
    assert site.enqueued == ["accounts_review.tasks.nightly.verify_audit_job"] * 4


def test_the_first_bad_entry_is_named(site: Site) -> None:
    site.draft("ana")
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE accounts_review_auditentry SET workspace = 'x' WHERE seq = 2")
        cursor.execute("SET session_replication_role = DEFAULT")
    assert "Entry 2, policy.adopted: its content does not match its digest" in verified(site)


def test_a_checkpoint_is_compared(site: Site) -> None:
    site.draft("ana")
    kept = audit.newest_checkpoint()
    assert str(kept) in verified(site, checkpoint=str(kept))
    assert "cut off" in verified(site, checkpoint=f"{kept.seq + 1}:{kept.digest}")
    assert "A checkpoint is" in verified(site, checkpoint=HOSTILE)


def test_who_took_data_out_is_one_choice(site: Site) -> None:
    site.draft("ana")
    site.post("audit_export")
    [row] = entries(site.get("audit", {"kind": "exports"}))
    assert "exported" in str(row)


def test_people_are_found_by_name_and_address(site: Site) -> None:
    account = site.draft("ana")
    assert account is None or account
    assert len(entries(site.get("audit", {"q": "ana@"}))) == 1
    assert entries(site.get("audit", {"q": "nobody@"})) == []


def test_the_export_holds_what_is_filtered_oldest_first(site: Site) -> None:
    site.draft("ana", "ben")
    answer = site.post("audit_export", query="?kind=account.approved")
    lines = [json.loads(line) for line in b"".join(answer.streaming_content).decode().splitlines()]
    assert [line["subject"] for line in lines] == ["ana", "ben"]
    assert [line["seq"] for line in lines] == sorted(line["seq"] for line in lines)
    assert lines[1]["previous"] == lines[0]["digest"]
    assert answer["Content-Disposition"].startswith("attachment; filename=")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_entries_are_sent_while_the_database_finds_more(site: Site, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Outside a transaction it finds all, and keeps them, before it hands out the first."""
    for place in ("models.streaming.CHUNK", "spreadsheet.audit_rows.CHUNK", "spreadsheet.writing.BATCH"):
        monkeypatch.setattr(f"accounts_review.{place}", 1)
    site.draft("ana", "ben", "cleo")
    answer = site.post("audit_export", {"format": kind})
    pieces = iter(answer.streaming_content)

    assert all(next(pieces) for _piece in range(4))
    with connection.cursor() as cursor:
        cursor.execute("SELECT is_holdable FROM pg_cursors")
        assert cursor.fetchall() == [(False,)]
    answer.close()
    assert not connection.in_atomic_block


def test_the_export_is_an_entry_itself(site: Site) -> None:
    site.draft("ana")
    b"".join(site.post("audit_export", query="?kind=account.approved").streaming_content)
    entry = AuditEntry.objects.get(kind="audit.exported")
    assert entry.actor == "auditor"
    assert entry.details == {"entries": 1, "filter": {"kind": "account.approved"}, "format": "jsonl"}


def test_an_export_of_an_invalid_filter_is_refused(site: Site) -> None:
    answer = site.post("audit_export", query="?since=yesterday")
    assert answer.status_code == 302
    assert not AuditEntry.objects.filter(kind="audit.exported").exists()


def test_what_entries_hold_is_never_markup(site: Site) -> None:
    write_of_another_version(site, HOSTILE[:60], actor=HOSTILE, **{"why": HOSTILE, HOSTILE: HOSTILE})
    write(site, "case.spared", why=HOSTILE)
    for query in ({}, {"q": HOSTILE}, {"actor": HOSTILE}):
        assert HOSTILE.encode() not in site.get("audit", query).content


@pytest.mark.parametrize("why", ["plain", [{"code": "exempt", "detail": ""}], [{"code": "?"}], [1], None, {"a": 1}])
def test_every_kind_makes_a_sentence_of_whatever_it_holds(why: object) -> None:
    for kind in Event:
        data = {"why": why, "reason": why, "until": "2026-01-01T00:00:00Z"}
        said = sentences.of_entry(AuditEntry(kind=kind, data=data))
        assert said
        assert "%(" not in said


def rows(page: Any) -> list[AuditEntry]:
    return [row.record for row in page.context["table"].paginated_rows]


def test_one_act_on_many_accounts_is_one_row(site: Site) -> None:
    site.draft("ana", "ben", "cyd", reason="left in spring")
    page = site.get("audit", {"kind": "account."})
    (row,) = rows(page)
    assert [entry.subject for entry in (row, *row.others)] == ["cyd", "ben", "ana"]  # type: ignore[attr-defined]
    for subject in ("ana", "ben", "cyd"):
        assert text(page).count(f">{subject}</a>") == 1


def test_acts_that_differ_in_anything_are_not_folded(site: Site) -> None:
    at = now()
    for actor, why in [("olga", "one"), ("olga", "two"), ("rita", "two")]:
        audit.log([site.workspace], kind=Event.CASE_SPARED, actor=actor, now=at, data={"why": why})
    assert len(rows(site.get("audit", {"kind": "case.spared"}))) == 3


def test_an_entry_has_an_address_of_its_own(site: Site) -> None:
    site.draft("ana", "ben")
    entry = AuditEntry.objects.get(subject_ref__name="ana")
    page = site.get("audit", {"seq": entry.seq})
    assert entries(page) == [entry]
    assert entry.digest in text(page)


def test_every_event_has_a_name_that_can_be_chosen(site: Site) -> None:
    said = text(site.get("audit"))
    for event in Event:
        assert f'<option value="{event}">{event.words.label}</option>' in said
        assert event.words.label
        assert event.group.label
        assert event.icon


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("account.answered", {"kind": "keep", "text": ""}, "the person asked to keep the access"),
        (
            "account.answered",
            {"kind": "keep", "text": "need it"},
            "the person asked to keep the access: need it",
        ),
        (
            "account.answered",
            {"kind": "away", "until": "2026-08-01T00:00:00+00:00"},
            "the person is away until 1 Aug 2026",
        ),
        ("account.answered", {}, "the person answered the notice"),
        (
            "account.exempted",
            {"service_account": True, "owner": "ines@b.org", "until": "2026-08-01T00:00:00+00:00", "reason": "feeds"},
            "kept as a service account until 1 Aug 2026; owner ines@b.org: feeds",
        ),
        (
            "case.spared",
            {"why": [{"code": "verdict_uncertain", "detail": "", "because": [{"code": "no_email"}]}]},
            "spared: is now uncertain: has no usable e-mail address and cannot be warned",
        ),
    ],
)
def test_an_entry_says_what_it_holds(kind: str, data: dict[str, Any], said: str) -> None:
    assert sentences.of_entry(AuditEntry(kind=kind, data=data)) == said


def test_the_filter_names_nobody_of_other_workspaces(site: Site) -> None:
    stranger = User.objects.create(username="stranger")
    give_role(stranger, "reviewer", make_workspace("elsewhere"))
    give_role(User.objects.create(username="native"), "reviewer", site.workspace)
    assert "stranger" not in text(site.get("audit"))
    assert "native" in site.get("audit").context["actors"]
    site.sign_in("administrator")
    give_role(site.person("administrator"), "administrator")
    assert {"stranger", "native"} <= set(site.get("audit").context["actors"])


@pytest.mark.parametrize("field", ["q", "actor"])
def test_a_very_long_term_is_refused(site: Site, field: str) -> None:
    site.draft("ana")
    assert entries(site.get("audit", {field: "a " * 1000})) == []
    assert site.get("audit", {field: "a " * 1000}).context["filter"].form.errors[field]
