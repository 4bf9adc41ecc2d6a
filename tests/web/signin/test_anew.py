"""A session alone, however it was come by, does nothing that could harm many; the person is asked anew."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils.html import strip_tags
from django.utils.timezone import now

from accounts_review.audit.events import Event
from accounts_review.models import Account, AuditEntry, Cleanup, EmailText, Hold, Sync, Workspace
from accounts_review.tasks import jobs
from accounts_review.workflow import holds
from tests.web.kit import sign_in
from tests.web.records_kit import Site, text

PASSWORD = "correct horse battery"
LONG_AGO = 301


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person)


@pytest.fixture
def stale(site: Site) -> Site:
    """An administrator whose session is older than the time after which they are asked anew."""
    user = site.person("administrator")
    user.set_password(PASSWORD)
    user.save()
    sign_in(site.client, user, ago=LONG_AGO)
    return site


def live(site: Site) -> dict[str, Any]:
    return {"mode": "live", "confirmation": site.workspace.name, "name": site.workspace.name}


def is_question(answer: Any) -> bool:
    return answer.status_code == 302 and str(answer["Location"]).startswith("/accounts/reauthenticate/")


def test_going_live_asks_anew(stale: Site) -> None:
    assert is_question(stale.post("mode", live(stale)))
    stale.workspace.refresh_from_db()
    assert not stale.workspace.is_live


def test_the_password_asked_for_has_the_focus(stale: Site) -> None:
    """By keyboard it would otherwise be behind all the links of the page."""
    field = re.search(r'<input type="password"[^>]*>', text(stale.follow("mode", live(stale))))
    assert field
    assert " autofocus" in field[0]


def test_launching_asks_anew(stale: Site) -> None:
    number = stale.draft("ana.idle").number
    assert is_question(stale.post("launch", {"count": "1"}, number=number))
    assert Cleanup.objects.get(number=number).is_draft


def test_a_quarantined_sync_is_not_accepted_by_a_session_alone(stale: Site) -> None:
    sync = stale.synced("quarantined")
    assert is_question(stale.post("breaker", {"choice": "accept", "reason": "looked"}, pk=sync.pk))
    assert Sync.objects.get(pk=sync.pk).state == "quarantined"


def test_who_erases_somebody_after_being_asked_anew_stays_signed_in(stale: Site) -> None:
    (account,) = stale.people("zebulon.quirk", idle=400)
    Account.objects.filter(pk=account.pk).update(gone_at=now())
    given = {"reason": "asked for", "username": "zebulon.quirk"}
    question = stale.post("erase_person", given, pk=account.pk)
    assert is_question(question)
    stale.client.post(question["Location"], {"password": PASSWORD})
    assert stale.client.get("/go-on/").status_code == 200
    assert stale.post("erase_person", given, pk=account.pk).status_code == 302
    assert stale.client.get("/w/main/review/").status_code == 200


def test_a_hold_is_placed_at_once_and_released_only_by_the_person(stale: Site) -> None:
    stale.client.post("/hold/", {"act": "hold", "reason": "strange removals", "workspace": ""})
    assert Hold.objects.open().count() == 1
    assert is_question(stale.client.post("/hold/", {"act": "release", "reason": "all is well", "workspace": ""}))
    assert Hold.objects.open().count() == 1


@pytest.mark.parametrize("verb", ["confirm", "resume"])
def test_starting_again_asks_anew_and_stopping_does_not(stale: Site, verb: str) -> None:
    cleanup = stale.launched("ana.idle")
    assert is_question(stale.post("turn", {"reason": "because"}, number=cleanup.number, verb=verb))
    assert not is_question(stale.post("turn", {"reason": "because"}, number=cleanup.number, verb="pause"))


def test_a_session_without_any_record_of_a_sign_in_is_not_fresh(site: Site) -> None:
    site.client.force_login(site.person("administrator"))
    assert is_question(site.post("mode", live(site)))


def test_a_record_of_somebody_else_does_not_count(site: Site) -> None:
    sign_in(site.client, site.person("operator"))
    session = site.client.session
    session["account_authentication_methods_user"] = str(site.person("administrator").pk)
    session.save()
    assert is_question(site.post("launch", {"count": "1"}, number=site.draft("ana.idle").number))


def test_who_may_not_is_refused_and_not_asked(site: Site) -> None:
    sign_in(site.client, site.person("auditor"), ago=LONG_AGO)
    assert site.post("mode", live(site)).status_code == 403


def test_after_the_password_the_form_comes_back_and_nothing_was_lost(stale: Site) -> None:
    number = stale.draft("ana.idle").number
    shown = stale.get("launch", number=number)
    # The page was fresh enough to be seen; what is filled in on it is sent too late.
    fields = {"count": "1", "shown": shown.context["form"].initial["shown"]}
    question = stale.post("launch", fields, number=number)["Location"]
    assert "Confirm" in text(stale.client.get(question))
    wrong = stale.client.post(question, {"password": "guessed"})
    assert wrong.status_code == 200
    assert stale.client.get("/go-on/").status_code == 302
    right = stale.client.post(question, {"password": PASSWORD})
    assert right["Location"] == "/go-on/"
    page = stale.client.get("/go-on/")
    assert Cleanup.objects.get(number=number).is_draft, "looking at the page changes nothing"
    kept = page.context["kept"]
    assert dict(kept["fields"]) == {name: [value] for name, value in fields.items()}
    stale.client.post(kept["to"], dict(kept["fields"]))
    assert Cleanup.objects.get(number=number).state == "running"
    assert stale.client.get("/go-on/").status_code == 302, "nothing is kept any more"


def going_on(site: Site, question: str) -> str:
    """The page on which somebody goes on after they were asked anew, as it reads."""
    site.client.post(question, {"password": PASSWORD})
    return " ".join(strip_tags(text(site.client.get("/go-on/"))).split())


def test_the_page_to_go_on_from_says_what_is_done_and_to_whom(stale: Site) -> None:
    olga = stale.person("operator")
    page = going_on(stale, stale.client.post(f"/people/{olga.pk}/", {"act": "deactivate"})["Location"])
    assert "Deactivate? operator" in page
    assert User.objects.get(pk=olga.pk).is_active


def test_it_names_the_workspace_the_cleanup_and_the_account(stale: Site) -> None:
    cleanup = stale.launched("ana.idle")
    (case,) = cleanup.cases.all()
    page = going_on(stale, stale.post("restore", number=cleanup.number, pk=case.pk)["Location"])
    assert "Invite back? ana.idle" in page
    assert f"Workspace main Clean-up {cleanup.number}" in page


def test_it_names_the_role_and_where_it_is_given(stale: Site) -> None:
    asked = {"act": "role", "place": "*", "role": "reviewer"}
    page = going_on(stale, stale.client.post(f"/people/{stale.person('operator').pk}/", asked)["Location"])
    assert "Change the role? operator" in page
    assert "Where the whole portal Role reviewer" in page


def test_it_names_what_is_released(stale: Site) -> None:
    asked = {"act": "release", "reason": "all is well", "workspace": ""}
    page = going_on(stale, stale.client.post("/hold/", asked)["Location"])
    assert "Release the hold? the whole portal" in page
    assert "Reason all is well" in page


def test_the_lines_of_an_email_come_back_after_the_password(stale: Site) -> None:
    body = "Dear {name},\n\nanswer by {promised}:\n{link}"
    fields = {"verb": "save", "kind": "notice", "written_in": "en", "subject": "Mine", "body": body}
    question = stale.post("emails", fields)["Location"]
    stale.client.post(question, {"password": PASSWORD})
    page = stale.client.get("/go-on/")
    kept = page.context["kept"]
    assert kept["what"] == "Change the e-mails"
    assert ("Text", body) in page.context["told"], "what is about to be sent is read before"
    stale.client.post(kept["to"], dict(kept["fields"]))
    assert EmailText.objects.get(part="body").text == body


def test_signing_in_by_password_is_proof_for_a_while(site: Site) -> None:
    user = site.person("administrator")
    user.set_password(PASSWORD)
    user.save()
    site.client.post("/accounts/login/", {"login": user.username, "password": PASSWORD})
    site.post("mode", live(site))
    site.workspace.refresh_from_db()
    assert site.workspace.is_live


def test_administrators_are_told_at_once_with_the_way_to_hold_everything(site: Site) -> None:
    User.objects.create_superuser("root", email="root@portal.example")
    site.sign_in("administrator").post("mode", live(site))
    assert "send_alerts_job" in [task.__name__ for task in _rung()]
    jobs.send_alerts_job()
    assert sorted(address for sent in mail.outbox for address in sent.to) == [
        "administrator@portal.example",
        "root@portal.example",
    ]
    body = mail.outbox[0].body
    assert "http://127.0.0.1:8000/hold/" in body
    assert "administrator" in body
    jobs.send_alerts_job()
    assert len(mail.outbox) == 2, "each act is told once"
    assert AuditEntry.objects.filter(kind=Event.ALERT_SENT).count() == 1


def test_a_dry_run_alarms_nobody(site: Site) -> None:
    site.person("administrator")
    site.launched("ana.idle")
    jobs.send_alerts_job()
    assert mail.outbox == []


def test_what_was_done_on_the_shell_is_told_too(site: Site) -> None:
    user = site.person("administrator")
    holds.hold(workspace=None, actor=user, reason="look", now=now())
    holds.release(workspace=None, actor=user, reason="fine", now=now())
    jobs.send_alerts_job()
    assert [sent.to for sent in mail.outbox] == [[user.email]]


def _rung() -> list[Any]:
    from django_q.models import OrmQ

    return [getattr(jobs, str(message.func()).rpartition(".")[2]) for message in OrmQ.objects.all()]
