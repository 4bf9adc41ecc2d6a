"""Erasing somebody on their page: done at once in the rows, and by the worker in the database's files."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now
from django_q.models import OrmQ

from accounts_review.models import Account, Workspace
from accounts_review.tasks import jobs, nightly
from accounts_review.workflow.retention import traces
from tests.factories import make_account
from tests.web.kit import Desk, read, someone, text_of


@pytest.fixture
def administrator(workspace: Workspace, person: Callable[[str], User]) -> Desk:
    return Desk(person("administrator"), workspace)


@pytest.fixture
def scrubbed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A true value for each time the database's files were gone through, which no test's transaction allows."""
    done: list[bool] = []
    monkeypatch.setattr(traces, "scrub_embedded", lambda: done.append(True))
    return done


def erase(desk: Desk, account: Account) -> str:
    said = {"username": account.username, "reason": "asked for"}
    return text_of(desk.client.post(desk.url("erase_person", pk=account.pk), said, follow=True))


def asked() -> int:
    return sum(message.func().endswith("scrub_job") for message in OrmQ.objects.all())


def test_the_worker_goes_through_the_files_and_the_page_says_so(administrator: Desk, scrubbed: list[bool]) -> None:
    account = make_account(administrator.workspace, "zebulon.q", gone_at=now())
    page = erase(administrator, account)
    if not traces.is_embedded():
        assert (asked(), "database’s files" in page) == (0, False)
        return
    assert "the worker is removing them" in page
    assert (scrubbed, asked()) == ([], 1), "nobody waits for it"
    assert "zebulon" not in str([message.task for message in OrmQ.objects.all()])
    nightly.scrub_job()
    assert scrubbed == [True]
    page = text_of(administrator.client.get(administrator.url("account", pk=account.pk)))
    assert "also from the database’s files since" in page


def test_nothing_is_explained_of_somebody_who_was_erased(administrator: Desk, scrubbed: list[bool]) -> None:
    [account] = read(administrator.workspace, someone("zebulon.q", idle=900))
    Account.objects.filter(pk=account.pk).update(gone_at=now())
    page = erase(administrator, account)
    assert "stays, without the name." in page
    assert not any(said in page for said in ("assessed again", "What would change this", "Raw record", "not known"))


def test_what_the_worker_was_not_told_it_finds_out(administrator: Desk, scrubbed: list[bool]) -> None:
    erase(administrator, make_account(administrator.workspace, "zebulon.q", gone_at=now()))
    OrmQ.objects.all().delete()
    jobs.sweep()
    jobs.sweep()
    assert asked() == traces.is_embedded(), "asked for once"
    nightly.scrub_job()
    OrmQ.objects.all().delete()
    jobs.sweep()
    assert asked() == 0


def test_the_page_says_where_a_name_stays(administrator: Desk, scrubbed: list[bool]) -> None:
    workspace = administrator.workspace
    account = make_account(workspace, "zebulon.q", gone_at=now())
    version = workspace.policies.get()
    type(version).objects.filter(pk=version.pk).update(text=f"{version.text}\n# not for zebulon.q")
    assert f"Left as it is: policy version {version.number} " in erase(administrator, account)


def test_a_mistyped_username_leaves_the_reason_where_it_was(administrator: Desk, scrubbed: list[bool]) -> None:
    account = make_account(administrator.workspace, "zebulon.q", gone_at=now())
    sent = {"username": "zebulon", "reason": "asked for by letter"}
    page = text_of(administrator.client.post(administrator.url("erase_person", pk=account.pk), sent, follow=True))
    assert "Nothing was erased." in page
    assert 'value="asked for by letter"' in page
    again = text_of(administrator.client.get(administrator.url("account", pk=account.pk)))
    assert "asked for by letter" not in again, "once"
    assert "asked for by letter" not in text_of(
        administrator.client.get(administrator.url("account", pk=make_account(administrator.workspace, "ana").pk))
    )
