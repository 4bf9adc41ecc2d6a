"""A case shows the e-mails that were sent about it, as they were sent."""

from __future__ import annotations

import re
from collections.abc import Callable

import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from accounts_review.models import Case, Workspace
from accounts_review.workflow.notify.send import send_notices
from tests.factories import make_email_text
from tests.stage import NOW, SetStage, policy_text, someone
from tests.web.kit import sign_in
from tests.web.records_kit import text


def test_the_warning_can_be_read_as_it_was_sent(
    set_stage: SetStage, client: Client, person: Callable[[str], User]
) -> None:
    stage = set_stage(someone("marie"))
    stage.adopt(policy_text(notice=30))
    stage.launch("marie")
    send_notices(workspace=stage.workspace, now=NOW)
    make_email_text(stage.workspace, "Another")
    Workspace.objects.update(language="fr")
    with time_machine.travel(NOW, tick=False):
        sign_in(client, person("auditor"))
        case = Case.objects.get()
        page = text(client.get(reverse("case", args=["main", case.cleanup.number, case.pk])))

    assert "View the e-mail that was sent" in page
    assert "ends soon unless you use it" in page
    assert "marie@ville.example" in page
    assert "/answer/…" in page
    assert "Another" not in page
    # Whoever reads the portal in another language hears the e-mail in its own, whatever others are written in since.
    assert '<pre class="email" lang="en"' in page
    assert re.search(r'lang="en">[^<]*ends soon unless you use it', page)


def test_a_case_without_an_email_shows_none(set_stage: SetStage, client: Client, person: Callable[[str], User]) -> None:
    set_stage(someone("marie"), launched=("marie",))
    with time_machine.travel(NOW, tick=False):
        sign_in(client, person("auditor"))
        case = Case.objects.get()

        assert "View the e-mail that was sent" not in text(
            client.get(reverse("case", args=["main", case.cleanup.number, case.pk]))
        )
