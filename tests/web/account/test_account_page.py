"""The page of one account: its facts, the reasoning, the decisions and the history, with hostile texts as texts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import DjangoAssertNumQueries

from accounts_review.facts import facts_of_account
from accounts_review.models import Account, AuditEntry, Workspace
from accounts_review.web.account import views
from accounts_review.web.account.evidence import LONGEST_RECORD
from accounts_review.web.account.views import NEWEST_ENTRIES
from accounts_review.workflow.assess import assess
from accounts_review.workflow.launch import launch
from accounts_review.workflow.review import decide
from tests.factories import make_account, make_group, make_workspace, put_in_force
from tests.stage import policy_text
from tests.web.kit import Desk, days_ago, invited, read, someone, text_of

HOSTILE = "<svg onload=alert(1)>"


@pytest.fixture
def desk(workspace: Workspace, person: Callable[[str], User]) -> Desk:
    return Desk(person("reviewer"), workspace)


def page_of(desk: Desk, account: Account) -> str:
    answer = desk.client.get(desk.url("account", pk=account.pk))
    assert answer.status_code == 200
    return text_of(answer).replace("\xa0", " ")


def shown(desk: Desk, *records: dict[str, Any], **options: Any) -> str:
    return page_of(desk, read(desk.workspace, *records, **options)[0])


def test_who_may_look(workspace: Workspace, person: Callable[[str], User]) -> None:
    (account,) = read(workspace, someone("ana"))
    url = f"/w/main/accounts/{account.pk}/"

    assert Client().get(url).status_code == 302
    assert Desk(person("nobody"), workspace).client.get(url).status_code == 404
    assert "Decide" not in page_of(Desk(person("auditor"), workspace), account)


@pytest.mark.parametrize(("count", "is_folded"), [(20, False), (190, True)])
def test_very_many_groups_do_not_push_the_rest_out_of_sight(desk: Desk, count: int, is_folded: bool) -> None:
    uids = [f"readers-{number}" for number in range(count)]
    for uid in uids:
        make_group(desk.workspace, uid, permissions=["explore_restricted_dataset"])

    page = shown(desk, someone("ana", groups=[{"uid": uid} for uid in uids]))

    assert (f"{count} groups" in page, f"through {count} groups" in page) == (is_folded, is_folded)
    assert "readers-19" in page, "to be read all the same"


def test_an_account_of_another_workspace_is_not_found(desk: Desk) -> None:
    other = make_workspace()
    theirs = make_account(other, "theirs")

    assert desk.client.get(desk.url("account", pk=theirs.pk)).status_code == 404


def test_facts_come_with_their_fields_and_ages(desk: Desk) -> None:
    record = someone("ana", idle=800, joined_at=days_ago(1200), first_name="Ana", last_name="Duval")

    said = shown(desk, record)

    assert "last_seen_at" in said
    assert "2 years, 2 months ago" in said
    assert '<span class="tag">counts</span>' in said
    assert "ana@ville.example" in said
    assert "Ana Duval" in said


def test_a_date_that_cannot_be_believed_is_shown_as_given(desk: Desk) -> None:
    said = shown(desk, someone("ana", last_login_at="31/12/2019", last_seen_at={"deep": "rubbish"}))

    assert "<code>31/12/2019</code>" in said
    assert "not credible" in said
    assert "the date in last_login_at is not credible" in said


def test_rights_say_where_they_come_from(desk: Desk) -> None:
    record = someone("ana", permissions=["explore_monitoring", "edit_page"], groups=["team", "lost", "closed", "up"])
    make_group(desk.workspace, "up", title="Closer", permissions=["edit_page"])
    make_group(desk.workspace, "closed", title="Closed", permissions=None)

    said = shown(desk, record, groups={"team": ["edit_domain", "edit_page"]})

    assert '<code>explore_monitoring</code> <span class="muted"> directly </span>' in said
    assert '<code>edit_domain</code> <span class="muted"> through group Title of team </span>' in said
    assert '<code>edit_page</code> <span class="muted"> directly through groups Title of team, Closer </span>' in said
    assert "not listed by the workspace" in said
    assert "its rights cannot be read" in said


def test_unknown_lists_are_not_empty_lists(desk: Desk) -> None:
    said = shown(desk, someone("ana", permissions=None, groups=None))

    assert said.count("not known") == 2
    assert "the list of rights is missing" in said


@pytest.mark.parametrize(
    ("record", "sentences"),
    [
        (someone("ana"), ["Active, as soon as a sync reads activity after", "Protected, if it gained"]),
        (someone("ana", idle=1), ["Dormant, if it stays idle until"]),
        (someone("ana", idle=1, permissions=["edit_domain"]), ["Protected, if it stays idle until"]),
        (someone("ana", idle=1, email=""), ["Uncertain, if it stays idle until"]),
        (someone("ana", permissions=["edit_domain"]), ["Dormant, if it did not hold edit_domain directly."]),
        (
            someone("ana", permissions=["edit_domain"], email=""),
            ["Uncertain, if it did not hold edit_domain directly."],
        ),
        (someone("ana", email=""), ["Dormant, after a manual check and a new sync: add a usable e-mail address."]),
        (someone("ana"), ["never activated: does not match, because it was seen on", "everyone else: matches;"]),
        (invited("ana"), ["never activated: matches; dormant after 90 days", "counts: it is the newest activity"]),
        (someone("ana", joined_at=None, last_seen_at=None), ["Uncertain: there is no date to count from"]),
        (someone("ana", last_login_at="soon"), ["not counted: it is not a date with a time"]),
    ],
)
def test_the_reasoning_says_what_would_change_it(desk: Desk, record: dict[str, Any], sentences: list[str]) -> None:
    said = shown(desk, record)

    assert all(sentence in said for sentence in sentences)


def test_a_policy_that_comes_into_force_meanwhile_does_not_explain_what_was_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (account,) = read(desk.workspace, someone("ana"))

    def and_be_overtaken(*given: Any, **options: Any) -> Any:
        put_in_force(desk.workspace, policy_text(limit=900), now=now())
        assess.assess(workspace=desk.workspace)
        return facts_of_account(*given, **options)

    monkeypatch.setattr(views, "facts_of_account", and_be_overtaken)
    reasoning = desk.client.get(desk.url("account", pk=account.pk)).context["reasoning"]

    assert (reasoning.policy, reasoning.limit_days) == (1, 730)


def test_an_exemption_is_explained_and_can_be_withdrawn(desk: Desk) -> None:
    (account,) = read(desk.workspace, someone("ana"))
    until = now() + timedelta(days=60)
    decide.exempt(accounts=[account], actor=desk.user, reason="On leave", until=until, now=now())

    said = page_of(desk, account)

    assert "by reviewer: On leave" in said
    assert "No longer exempt, when the exemption ends on" in said
    assert 'value="withdraw"' in said
    assert 'value="approve"' not in said
    assert "It cannot be approved: exempt until" in said


def test_a_decision_from_the_page_comes_back_to_it(desk: Desk) -> None:
    (account,) = read(desk.workspace, someone("ana"))
    here = desk.url("account", pk=account.pk)

    answer = desk.decide("approve", account, next=here, follow=True)

    assert answer.redirect_chain == [(here, 302)]
    assert "1 approved." in text_of(answer)
    assert "Undo" in text_of(answer)
    assert "in draft" in text_of(answer)


def test_nobody_decides_on_their_own_page(desk: Desk) -> None:
    said = shown(desk, someone("reviewer"))

    assert "This is your own account" in said
    assert 'name="decision"' not in said


def test_the_history_speaks_in_sentences(desk: Desk, person: Callable[[str], User]) -> None:
    account, *_others = read(desk.workspace, someone("ana"), *(someone(f"busy{n}", idle=1) for n in range(4)))
    decide.approve(accounts=[account], actor=desk.user, reason="Left the house", now=now())
    launch.launch(cleanup=desk.workspace.cleanups.get(), actor=person("operator"), now=now())

    said = page_of(desk, account)

    assert "Approved for the next clean-up: Left the house" in said
    assert "Included in the launch" in said
    assert "Clean-up 1" in said
    assert "approved by reviewer on" in said
    assert f'href="/w/main/audit/?account={account.pk}"' in said


def test_a_long_history_is_cut_and_leads_to_the_audit(desk: Desk) -> None:
    (account,) = read(desk.workspace, someone("ana"))
    until = now() + timedelta(days=60)
    for number in range(NEWEST_ENTRIES + 1):
        decide.exempt(accounts=[account], actor=desk.user, reason=f"nr {number}", until=until, now=now())

    said = page_of(desk, account)

    assert said.count('id="entry-') == NEWEST_ENTRIES
    assert "All entries in the audit" in said


def test_an_account_that_is_gone_keeps_its_page(desk: Desk) -> None:
    accounts = read(desk.workspace, someone("ana"), someone("bob"))
    Account.objects.filter(pk=accounts[0].pk).update(gone_at=now())
    Account.objects.filter(pk=accounts[1].pk).update(absent_since=now())

    gone = page_of(desk, accounts[0])
    assert "gone since" in gone
    assert not [heading for heading in ("Decide", "What would change this", "Service account") if heading in gone]
    assert "not listed since" in page_of(desk, accounts[1])
    assert "the workspace no longer lists it" in page_of(desk, accounts[1])


def test_who_came_back_is_one_step_from_the_account_that_is_gone(desk: Desk) -> None:
    gone = make_account(desk.workspace, "ana", incarnation="1", gone_at=now())
    assert "is a member again" not in page_of(desk, gone)
    back = make_account(desk.workspace, "ana", incarnation="2")
    link = f'<a href="{desk.url("account", pk=back.pk)}">is a member again</a>'
    assert link in page_of(desk, gone)
    assert link not in page_of(desk, back)


def test_an_account_that_was_not_assessed_has_a_page(desk: Desk) -> None:
    account = make_account(desk.workspace, "new", raw='{"username": "new"}')

    assert "has not been assessed yet" in page_of(desk, account)


def test_the_history_is_one_line_of_time_with_an_address_for_every_entry(desk: Desk) -> None:
    (account,) = read(desk.workspace, someone("ana", joined_at=days_ago(3000)))
    until = now() + timedelta(days=60)
    decide.exempt(accounts=[account], actor=desk.user, reason="On leave", until=until, now=now())
    seq = AuditEntry.objects.get(kind="account.exempted").seq

    said = page_of(desk, account)

    told = [
        "To come",
        "End of the exemption: On leave",
        "Today,",
        "Exempted until",
        "Reached its segment&#x27;s limit",
        "Was last seen",
    ]
    places = [said.index(f">{words}") for words in [*told, "Joined the workspace"]]
    assert places == sorted(places)
    assert f'<li id="entry-{seq}"' in said
    assert f'href="#entry-{seq}"' in said


def test_the_history_says_what_the_approver_saw(desk: Desk) -> None:
    (account,) = read(desk.workspace, someone("ana"))
    decide.approve(accounts=[account], actor=desk.user, reason="Left", now=now())

    assert "for the next clean-up: Left. Evidence: last seen" in page_of(desk, account)


def test_hostile_texts_are_only_texts(desk: Desk) -> None:
    record = someone(
        HOSTILE,
        email=f"{HOSTILE}@x",
        display_name=HOSTILE,
        first_name=HOSTILE,
        account_type=HOSTILE,
        groups=[HOSTILE],
        permissions=[HOSTILE],
        last_login_at=HOSTILE,
    )

    said = shown(desk, record, groups={HOSTILE: [HOSTILE]})

    assert HOSTILE not in said
    assert "&lt;svg onload=alert(1)&gt;" in said


def test_the_record_is_laid_out_and_cut(desk: Desk) -> None:
    said = shown(desk, someone("ana", note="é" * LONGEST_RECORD))

    assert "&quot;username&quot;: &quot;ana&quot;," in said
    assert "only its beginning is shown" in said


def test_a_record_too_deep_to_lay_out_is_shown_as_it_is(desk: Desk) -> None:
    account = make_account(desk.workspace, "deep", raw='{"x": ' + "[" * 9000 + "]" * 9000 + "}")

    assert "[[[[" in page_of(desk, account)


def test_the_number_of_queries_does_not_grow_with_the_history(
    desk: Desk, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    (account,) = read(desk.workspace, someone("ana"))
    for number in range(15):
        decide.approve(accounts=[account], actor=desk.user, reason=f"nr {number}", now=now())
        decide.withdraw(accounts=[account], actor=desk.user, reason="not yet", now=now())

    with django_assert_max_num_queries(15):
        page_of(desk, account)


def test_an_access_report_is_recorded_for_every_account_the_person_had(desk: Desk) -> None:
    first = make_account(desk.workspace, "ana", incarnation="1")
    second = make_account(desk.workspace, "ana", incarnation="2")
    make_account(desk.workspace, "ben")

    answer = desk.client.post(desk.url("access_report", pk=second.pk))

    assert answer.status_code == 200
    reported = AuditEntry.objects.filter(kind="person.reported").values_list("account_id", flat=True)
    assert set(reported) == {first.pk, second.pk}


def test_accounts_without_a_username_are_different_people(desk: Desk) -> None:
    account = make_account(desk.workspace, "", incarnation="1")
    make_account(desk.workspace, "", incarnation="2")

    desk.client.post(desk.url("access_report", pk=account.pk))

    reported = AuditEntry.objects.filter(kind="person.reported").values_list("account_id", flat=True)
    assert list(reported) == [account.pk]
