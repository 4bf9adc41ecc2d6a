"""The demo's mailbox and its clock, which no real installation has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.humanize.templatetags import humanize
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.filebased import EmailBackend
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts_review.models import Access, StoredKey, Workspace
from accounts_review.tasks import queue, sources
from accounts_review.web.demo.mailbox import mailed
from accounts_review.workflow.workspaces import NotPossible
from cleanup_portal import demo_clock
from tests.factories import give_role, make_workspace
from tests.web.kit import sign_in, text_of

OLD_LINK = "http://127.0.0.1:8004/answer/abc/"
SANDBOX = {"url": "http://127.0.0.1:8055", "api_key": "k", "key_owner": ""}


def mail(folder: Path, to: str, *, html: str = "", language: str = "en") -> None:
    message = EmailMultiAlternatives(f"Hello {to}", f"Answer: {OLD_LINK}", "portal@example.org", [to])
    message.extra_headers["Content-Language"] = language
    if html:
        message.attach_alternative(html, "text/html")
    EmailBackend(file_path=str(folder / "mail")).send_messages([message])


@pytest.fixture
def demo(tmp_path: Path, settings: Settings, workspace: Workspace) -> Path:
    demo_clock.mark(tmp_path)
    settings.IS_DEMO, settings.DATA_DIR = True, tmp_path
    settings.PUBLIC_URL = "http://127.0.0.1:8461"
    settings.ROOT_URLCONF = "tests.web.demo.urls"
    settings.HUWISE = {workspace.name: SANDBOX}
    return tmp_path


@pytest.fixture
def visitor(client: Client, demo: Path, person: Callable[[str], User]) -> Client:
    sign_in(client, person("administrator"))
    return client


@pytest.fixture
def clock(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", timezone.now)
    monkeypatch.setattr(humanize, "datetime", datetime)
    demo_clock.install(demo)


def test_what_was_mailed_is_shown_with_links_to_the_portal_as_it_runs(demo: Path) -> None:
    mail(demo, "ana@example.org")
    mail(demo, "ben@example.org", html=f"<p>Hi</p><a href='{OLD_LINK}'>answer</a>")

    ben, ana = mailed(demo / "mail", portal="http://127.0.0.1:8461")

    assert (ana.to, ana.subject, ana.html) == ("ana@example.org", "Hello ana@example.org", "")
    assert ana.text.strip() == "Answer: http://127.0.0.1:8461/answer/abc/"
    assert "href='http://127.0.0.1:8461/answer/abc/'" in ben.html


@pytest.mark.parametrize("language", ["fr", "en"])
def test_an_email_is_marked_with_its_own_language(visitor: Client, demo: Path, language: str) -> None:
    mail(demo, "ana@example.org", language=language)
    assert f'<pre class="email mt-2" lang="{language}"' in text_of(visitor.get("/mailbox/"))


def test_the_html_runs_nothing_and_is_shown_in_a_frame(visitor: Client, demo: Path) -> None:
    mail(demo, "ana@example.org", html="<script>alert(1)</script><p>Hi</p>")

    page = text_of(visitor.get("/mailbox/"))
    (key,) = [each.key for each in mailed(demo / "mail", portal="")]
    alone = visitor.get("/mailbox/", {"mail": key, "html": ""})

    assert "<script>alert" not in page
    assert f'src="?mail={key}&amp;html"' in page
    assert "default-src 'none'" in alone["Content-Security-Policy"]
    assert "sandbox" in alone["Content-Security-Policy"]
    assert 'href="http://127.0.0.1:8461/answer/abc/"' in page


@pytest.mark.parametrize("key", ["", "../secret_key", "x-0", "\0"])
def test_what_was_not_mailed_is_not_there(visitor: Client, key: str) -> None:
    assert visitor.get("/mailbox/", {"mail": key}).status_code == 404


def test_an_empty_mailbox_says_so(visitor: Client) -> None:
    assert "Nothing was mailed yet." in text_of(visitor.get("/mailbox/"))
    assert "/mailbox/" in text_of(visitor.get("/people/"))


@pytest.mark.usefixtures("clock")
def test_thirty_days_are_skipped_and_the_workspace_is_read(
    visitor: Client, demo: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(queue, "enqueue_sync", lambda each: synced.append(each.name))
    before = timezone.now()

    assert visitor.get("/mailbox/skip/").status_code == 405
    for days in (30, 60):
        answer = visitor.post("/mailbox/skip/", follow=True)
        assert f"{days} days were skipped." in text_of(answer)
        assert timedelta(days=days) <= timezone.now() - before < timedelta(days=days, hours=1)

    assert synced == [workspace.name, workspace.name]
    assert humanize.naturaltime(timezone.now() - timedelta(minutes=2)) == "2\xa0minutes ago"
    assert visitor.get("/mailbox/").status_code == 200  # still signed in


@pytest.mark.parametrize("url", ["https://data.example.org", "http://10.0.0.1", "https://127.0.0.1"])
def test_the_time_of_a_real_workspace_is_not_skipped(
    visitor: Client, demo: Path, settings: Settings, workspace: Workspace, url: str
) -> None:
    settings.HUWISE = {workspace.name: SANDBOX | {"url": url}}

    assert "A workspace here is a real one." in text_of(visitor.post("/mailbox/skip/", follow=True))
    assert demo_clock.days_ahead(demo) == 0
    assert not demo_clock.is_demo(demo, urls=[url])


def test_nor_is_that_of_a_real_one_that_is_paused(visitor: Client, demo: Path) -> None:
    paused = make_workspace("paused")
    paused.state = Workspace.State.PAUSED
    paused.save()
    StoredKey.store(paused, Access(url="https://data.example.org", api_key="k" * 20), now=timezone.now())

    assert "A workspace here is a real one." in text_of(visitor.post("/mailbox/skip/", follow=True))
    assert demo_clock.days_ahead(demo) == 0


def test_a_real_workspace_is_not_connected_to_the_demo(demo: Path) -> None:
    with pytest.raises(NotPossible, match="This is the demo"):
        sources.try_out(Access(url="https://data.example.org", api_key="k" * 20))


@pytest.mark.parametrize("role", ["auditor", "reviewer", "operator"])
def test_only_an_administrator_reads_what_lets_people_in(
    client: Client, demo: Path, person: Callable[[str], User], role: str
) -> None:
    sign_in(client, person(role))
    assert client.get("/mailbox/").status_code == 403
    assert client.post("/mailbox/skip/").status_code == 403
    assert demo_clock.days_ahead(demo) == 0


def test_nor_does_the_administrator_of_one_workspace_of_two(
    client: Client, demo: Path, person: Callable[[str], User], workspace: Workspace
) -> None:
    ada, _other = person("nobody"), make_workspace("other")
    give_role(ada, "administrator", workspace)
    sign_in(client, ada)
    assert client.get("/mailbox/").status_code == 403
    assert client.post("/mailbox/skip/").status_code == 403
    assert demo_clock.days_ahead(demo) == 0
    assert "/mailbox/" not in client.get(f"/w/{workspace.name}/").content.decode()


def test_a_portal_that_is_no_demo_has_neither(visitor: Client, demo: Path, settings: Settings) -> None:
    settings.IS_DEMO = False
    assert visitor.get("/mailbox/").status_code == 404
    assert visitor.post("/mailbox/skip/").status_code == 404
    assert demo_clock.days_ahead(demo) == 0


def test_a_folder_is_a_demos_once_it_is_marked(tmp_path: Path) -> None:
    assert not demo_clock.is_demo(tmp_path, urls=[])
    demo_clock.mark(tmp_path)
    demo_clock.skip(tmp_path, days=30)
    demo_clock.mark(tmp_path)
    assert demo_clock.is_demo(tmp_path, urls=["http://127.0.0.1:8055"])
    assert demo_clock.days_ahead(tmp_path) == 30


@pytest.mark.parametrize("written", ["", "x", "-5", "\0"])
def test_a_spoilt_file_is_no_day(tmp_path: Path, written: str) -> None:
    (tmp_path / demo_clock.FILE).write_text(written)
    assert demo_clock.days_ahead(tmp_path) == 0
