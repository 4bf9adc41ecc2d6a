"""What a crash or a dead mail server has left untold about people is made up for, once, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import mail

from accounts_review import audit
from accounts_review.models import Workspace
from accounts_review.workflow.people import emails, people
from accounts_review.workflow.people.invitation import link_of
from accounts_review.workflow.people.owed import AT_IT, STALE, owed, tell_owed
from tests.factories import NOW, give_role, make_social_account, make_workspace

LATER = NOW + AT_IT
Person = Callable[[str], User]


def recipients() -> list[str]:
    found = [str(message.to[0]).partition("@")[0] for message in mail.outbox]
    mail.outbox.clear()
    return found


def test_what_was_told_with_the_change_is_not_told_again(workspace: Workspace, person: Person) -> None:
    boss, reviewer = person("administrator"), person("reviewer")
    change = people.grant(person=reviewer, role="operator", workspace=workspace, actor=boss, now=NOW)
    assert owed(now=NOW) == [], "whoever made the change is about to tell it"
    assert [each.entry for each in owed(now=LATER)] == [change.entry]
    emails.tell(change, now=NOW)
    assert recipients() == ["reviewer", "administrator"]
    assert owed(now=LATER) == []


def test_after_a_crash_each_change_is_told_as_it_was_and_once(workspace: Workspace, person: Person) -> None:
    other, boss = make_workspace("other"), person("administrator")
    there = User.objects.create(username="there", email="there@portal.example")
    give_role(there, "administrator", other)
    added = people.add_person(
        login="ana", email="ana@new.example", role="reviewer", workspace=None, actor=boss, now=NOW
    )
    people.change_email(person=person("auditor"), email="new@portal.example", actor=boss, now=NOW)
    people.deactivate(person=person("reviewer"), actor=boss, now=NOW)
    # A link names the second in which it was made.
    with time_machine.travel(LATER, tick=False):
        tell_owed(now=LATER)
        link = link_of(added.person)
    bodies = {message.to[0]: str(message.body) for message in mail.outbox}
    assert "your role: reviewer in the whole portal" in bodies["ana@new.example"]
    assert link in bodies["ana@new.example"]
    assert "from auditor@portal.example to new@portal.example" in bodies["auditor@portal.example"]
    assert "has ended your access" in bodies["reviewer@portal.example"]
    # An administrator of one workspace hears of each who reaches it, or might, once.
    assert sorted(recipients()).count("there") == 3
    tell_owed(now=LATER)
    assert recipients() == []


def test_a_dead_mail_server_is_tried_again_for_a_day(
    workspace: Workspace, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = people.sign_out(person=person("operator"), actor=person("administrator"), now=NOW)

    def dead(*args: Any) -> int:
        raise OSError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", dead)
        assert emails.tell(change, now=NOW) == ["operator@portal.example", "administrator@portal.example"]
        tell_owed(now=LATER)
    assert [each.entry for each in owed(now=NOW + STALE - timedelta(minutes=1))] == [change.entry]
    assert owed(now=NOW + STALE) == []
    tell_owed(now=LATER)
    assert "operator" in recipients()


def test_what_is_no_news_any_more_is_left(workspace: Workspace, person: Person) -> None:
    boss = person("administrator")
    added = people.add_person(
        login="ana", email="ana@new.example", role="reviewer", workspace=workspace, actor=None, now=NOW
    )
    added.person.set_password("a password")
    added.person.save()
    people.keep_administering(workspace=make_workspace("other"), actor=boss, now=NOW)
    people.sign_out(person=person("auditor"), actor=boss, now=NOW)
    User.objects.filter(username="auditor").delete()
    assert owed(now=LATER) == []


def test_who_needs_no_invitation_any_more_gets_none(workspace: Workspace, person: Person) -> None:
    boss = person("administrator")
    for login in ("linked", "gone"):
        add: dict[str, Any] = {"login": login, "email": f"{login}@new.example", "role": "reviewer"}
        people.add_person(workspace=workspace, actor=boss, now=NOW, **add)
    make_social_account(User.objects.get(username="linked"), "1")
    User.objects.filter(username="gone").update(is_active=False)
    assert owed(now=LATER) == []


def test_news_of_a_workspace_that_was_renamed_name_it_as_it_is_called_now(workspace: Workspace, person: Person) -> None:
    boss = person("administrator")
    people.grant(person=person("reviewer"), role="operator", workspace=workspace, actor=boss, now=NOW)
    workspace.former_names, workspace.name = [workspace.name], "renamed"
    workspace.save()
    (change,) = owed(now=LATER)
    assert (change.workspace, change.concerned) == (workspace, [workspace])


@pytest.mark.django_db(transaction=True)
def test_that_it_was_told_is_written_in_a_transaction(workspace: Workspace, person: Person) -> None:
    """Whoever else waits for the end of the record would write the same number."""
    boss, reviewer = person("administrator"), person("reviewer")
    emails.tell(people.grant(person=reviewer, role="operator", workspace=workspace, actor=boss, now=NOW), now=NOW)
    assert audit.verify()[1] is None
    assert owed(now=LATER) == []


def test_who_has_no_address_is_owed_nothing_for_ever(workspace: Workspace, person: Person) -> None:
    silent = User.objects.create(username="silent")
    give_role(silent, "auditor", workspace)
    User.objects.exclude(pk=silent.pk).update(email="")
    people.sign_out(person=silent, actor=person("administrator"), now=NOW)
    User.objects.update(email="")
    tell_owed(now=LATER)
    assert (owed(now=LATER), mail.outbox) == ([], [])
