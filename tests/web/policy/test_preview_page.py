"""A proposed policy: whom it would move is shown and bound to what is put in force."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils.timezone import now
from django_q.models import OrmQ

from accounts_review.models import Account, AuditEntry, PolicyPreview, Workspace
from accounts_review.tasks import actions, jobs
from accounts_review.tasks.queue import SYNC_SECONDS
from accounts_review.workflow import workspaces
from accounts_review.workflow.assess import assess
from accounts_review.workflow.policy import preview
from tests.factories import give_role
from tests.stage import policy_text
from tests.web.kit import sign_in
from tests.web.records_kit import Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("administrator")


def propose(site: Site, **options: Any) -> PolicyPreview:
    over = site.workspace.current_policy.number
    site.post("policy", {"text": policy_text(**options), "reason": "says the DPO", "over": over})
    return PolicyPreview.objects.get(by_login="administrator")


def activate(site: Site, policy_preview: PolicyPreview, **more: Any) -> Any:
    seen = preview.stamp(policy_preview)
    address = site.at("policy_preview", pk=policy_preview.pk)
    return site.client.post(address, {"verb": "activate", "seen": seen, **more}, follow=True)


def test_it_shows_every_verdict_and_every_segment_before_and_after(site: Site) -> None:
    site.people("ana", "ben", idle=400)
    site.people("cy", idle=400, permissions=["edit_domain"])
    page = site.get("policy_preview", pk=propose(site, limit=365).pk)
    impact = page.context["impact"]
    cells = {(row.before, cell.after): cell.count for row in impact.matrix for cell in row.cells if cell.count}
    assert cells == {("active", "dormant"): 2, ("active", "protected"): 1}
    assert [(held.name, held.before, held.after, held.dormant_after) for held in impact.segments] == [
        ("everyone", 0, 3, 2),
        ("never activated", 0, 0, 0),
        ("everyone else", 3, 0, 0),
    ]
    assert "<strong>3</strong> accounts would change their verdict." in text(page)
    assert site.workspace.current_policy.number == 1


def test_it_says_whose_case_would_end_and_that_promises_stand(site: Site) -> None:
    site.go_live()
    site.launched("ana", "ben")
    site.put("ana", "noticed", promised_at=now() + timedelta(days=12))
    page = site.get("policy_preview", pk=propose(site, limit=5000).pk)
    assert {case.state: case.spared for case in page.context["impact"].cases} == {"noticed": 1, "awaiting_notice": 1}
    assert "1 person was promised a date" in text(page)
    policy_preview = page.context["policy_preview"]
    answer = site.client.get(f"{site.at('preview_accounts', pk=policy_preview.pk)}?case=noticed")
    assert [row.record.username for row in answer.context["table"].rows] == ["ana"]


def test_putting_it_in_force_judges_everybody_by_it(site: Site) -> None:
    site.people("ana", idle=400)
    answer = activate(site, propose(site, limit=365))
    assert "Version 2 is in force" in text(answer)
    version = site.workspace.current_policy
    assert (version.number, version.reason, version.activated_by) == (2, "says the DPO", "administrator")
    assert assess.tally(workspace=site.workspace, now=now()) == {"dormant": 1}
    assert AuditEntry.objects.filter(kind="policy.adopted", actor_ref__name="administrator").exists()


def test_accounts_that_changed_are_judged_anew_and_shown_again(site: Site) -> None:
    site.people("ana", idle=400)
    policy_preview = propose(site, limit=365)
    Account.objects.update(digest="another")
    assert "1 account has changed since" in text(site.get("policy_preview", pk=policy_preview.pk))
    answer = activate(site, policy_preview)
    assert "Accounts have changed since this was computed. Nothing was changed; check it again." in text(answer)
    assert "Activate" in text(answer)
    assert site.workspace.current_policy.number == 1
    policy_preview.refresh_from_db()
    activate(site, policy_preview)
    assert site.workspace.current_policy.number == 2


def test_numbers_that_were_not_the_ones_shown_are_shown_first(site: Site) -> None:
    activate(site, propose(site, limit=365), seen="2020-01-01T00:00:00+00:00")
    assert site.workspace.current_policy.number == 1


def test_another_version_meanwhile_keeps_the_text_for_a_new_preview(site: Site) -> None:
    policy_preview = propose(site, limit=365)
    site.adopt(limit=500)
    answer = activate(site, policy_preview)
    assert "Another version came into force in the meantime" in text(answer)
    assert f"{site.at('policy')}?policy_preview={policy_preview.pk}" in text(answer)
    assert "Activate" not in text(answer)
    assert site.workspace.current_policy.number == 2


def test_one_over_an_earlier_version_shows_its_text_and_no_numbers(site: Site) -> None:
    site.people("ana", idle=400)
    policy_preview = propose(site, limit=365)
    site.adopt(limit=500)
    said = text(site.get("policy_preview", pk=policy_preview.pk))
    assert "Another version has come into force since" in said
    assert "What would change" in said
    assert "Accounts that would change" not in said
    assert "Assessing every account" not in said
    assert site.get("preview_accounts", pk=policy_preview.pk).status_code == 404
    assert site.get("backtest", {"policy_preview": policy_preview.pk}).context["form"].errors


def test_one_that_is_gone_says_so(site: Site) -> None:
    policy_preview = propose(site, limit=365)
    activate(site, policy_preview)
    assert "This preview no longer exists" in text(activate(site, policy_preview))
    assert "This preview no longer exists" in text(
        site.client.get(site.at("policy_preview", pk=policy_preview.pk), follow=True)
    )
    assert site.workspace.current_policy.number == 2


def test_a_large_workspace_is_judged_by_the_worker(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "JUDGED_AT_ONCE", 1)
    site.people("ana", "ben", idle=400)
    policy_preview = propose(site, limit=365)
    assert site.enqueued == ["accounts_review.tasks.jobs.preview_policy_job"]
    assert OrmQ.objects.get().task["timeout"] == SYNC_SECONDS
    page = site.get("policy_preview", pk=policy_preview.pk)
    assert "0 of 2 accounts assessed under the new text" in text(page)
    assert "Activate" not in text(page)
    assert 'hx-trigger="every 2s"' in text(page)

    waiting = site.get("policy_preview", pk=policy_preview.pk, htmx=True)
    assert "HX-Refresh" not in waiting
    jobs.preview_policy_job(policy_preview.pk)
    done = site.get("policy_preview", pk=policy_preview.pk, htmx=True)
    assert done["HX-Refresh"] == "true"
    assert "Activate" in text(site.get("policy_preview", pk=policy_preview.pk))


def test_judging_can_be_stopped_and_gone_on_with(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "JUDGED_AT_ONCE", 1)
    site.people("ana", "ben", idle=400)
    policy_preview = propose(site, limit=365)
    site.post("policy_preview", {"verb": "stop"}, pk=policy_preview.pk)
    page = text(site.get("policy_preview", pk=policy_preview.pk))
    assert "Stopped. What was computed is kept." in page
    assert "every 2s" not in page
    site.post("policy_preview", {"verb": "again"}, pk=policy_preview.pk)
    assert PolicyPreview.objects.get().state == "judging"


def test_a_message_that_was_lost_is_rung_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "JUDGED_AT_ONCE", 1)
    site.people("ana", "ben")
    propose(site, limit=365)
    OrmQ.objects.all().delete()
    jobs.sweep()
    assert site.enqueued == []
    PolicyPreview.objects.update(heartbeat_at=now() - timedelta(minutes=3))
    jobs.sweep()
    PolicyPreview.objects.update(heartbeat_at=now() - timedelta(minutes=3))
    jobs.sweep()
    assert site.enqueued == ["accounts_review.tasks.jobs.preview_policy_job"], "once is enough"


def test_who_may_not_change_it_reads(site: Site) -> None:
    policy_preview = propose(site, limit=365)
    page = site.sign_in("auditor").get("policy_preview", pk=policy_preview.pk)
    assert "Activate" not in text(page)
    assert activate(site, policy_preview).status_code == 403
    assert site.workspace.current_policy.number == 1


def test_a_looser_policy_of_a_live_workspace_takes_a_tick_of_its_own(site: Site) -> None:
    site.people("ana.idle")
    site.go_live()
    site.sign_in("administrator")
    text_of = policy_text(limit=100)
    proposed = preview.propose(
        workspace=site.workspace, text=text_of, actor=site.person("administrator"), reason="faster", now=now()
    )
    actions.preview_policy(proposed)
    page = site.get("policy_preview", pk=proposed.pk)
    assert "the new policy is looser" in text(page)
    given = {"verb": "activate", "seen": page.context["seen"]}
    answer = site.follow("policy_preview", given | {"reason": "as the board decided"}, pk=proposed.pk)
    assert "Nothing was changed" in text(answer)
    assert 'value="as the board decided"' in text(answer), "what was typed is still there"
    site.post("policy_preview", given | {"loosens": "yes"}, pk=proposed.pk)
    assert site.workspace.current_policy.text == text_of


class TestSecondAdministrator:
    """Where there are two, one alone does not loosen the policy of a workspace whose removals are or were real."""

    @pytest.fixture
    def proposed(self, site: Site) -> PolicyPreview:
        site.people("ana.idle")
        site.go_live()
        return self.propose(site, policy_text(limit=100))

    def propose(self, site: Site, wanted: str) -> PolicyPreview:
        administrator = site.person("administrator")
        proposed = preview.propose(
            workspace=site.workspace, text=wanted, actor=administrator, reason="faster", now=now()
        )
        actions.preview_policy(proposed)
        proposed.refresh_from_db()
        return proposed

    def add_another(self, login: str = "zoe") -> User:
        zoe = User.objects.create(username=login, email=f"{login}@portal.example")
        give_role(zoe, "administrator")
        return zoe

    def number(self, site: Site) -> int:
        return int(Workspace.objects.get(pk=site.workspace.pk).current_policy.number)

    def test_the_first_agrees_and_the_second_confirms(self, site: Site, proposed: PolicyPreview) -> None:
        zoe = self.add_another()
        sign_in(site.client, site.person("administrator"))
        assert "Another administrator has to confirm a looser policy after you: zoe" in text(
            site.get("policy_preview", pk=proposed.pk)
        )
        for _time in range(2):
            activate(site, proposed, loosens="yes")
            assert self.number(site) == 1
        assert AuditEntry.objects.filter(kind="policy.agreed").count() == 1
        assert "You agreed to this looser policy" in text(site.get("policy_preview", pk=proposed.pk))
        jobs.send_alerts_job()
        assert "zoe@portal.example" in {sent.to[0] for sent in mail.outbox if "looser policy" in sent.body}
        sign_in(site.client, zoe)
        assert "administrator wants a looser policy" in text(site.get("overview"))
        assert "You confirm it by activating it" in text(site.get("policy_preview", pk=proposed.pk))
        activate(site, proposed, loosens="yes")
        assert self.number(site) == 2
        told = "by zoe, proposed by administrator: faster"
        assert told in text(site.get("policy"))
        assert told in text(site.get("policy_version", number=2))
        assert "activated version 2 of the policy, proposed by administrator: faster" in text(site.get("audit"))

    def test_a_dry_run_in_between_does_not_lead_around(self, site: Site, proposed: PolicyPreview) -> None:
        self.add_another()
        site.workspace.refresh_from_db()
        workspaces.set_mode(
            workspace=site.workspace, mode=Workspace.Mode.DRY_RUN, actor=site.person("administrator"), now=now()
        )
        sign_in(site.client, site.person("administrator"))
        activate(site, proposed, loosens="yes")
        assert self.number(site) == 1

    def test_whoever_agreed_must_still_be_an_administrator(self, site: Site, proposed: PolicyPreview) -> None:
        zoe, third = self.add_another(), self.add_another("third")
        sign_in(site.client, zoe)
        activate(site, proposed, loosens="yes")
        give_role(zoe, "auditor")
        sign_in(site.client, third)
        activate(site, proposed, loosens="yes")
        assert self.number(site) == 1

    @pytest.mark.parametrize("name", ["renamed", "new"])
    def test_no_name_of_a_segment_leads_around(self, site: Site, name: str) -> None:
        site.people("ana.idle")
        site.go_live()
        self.add_another()
        last = '[[segment]]\nname = "all the rest"\ndormant_after_days = 1\n'
        first = '[[segment]]\nname = "new"\nusernames = ["*"]\ndormant_after_days = 1\n'
        force = site.workspace.current_policy.text
        added = force.replace("[[segment]]", f"{first}[[segment]]", 1)
        wanted = last + force[force.index("[protect]") :] if name == "renamed" else added
        proposed = self.propose(site, wanted)
        sign_in(site.client, site.person("administrator"))
        activate(site, proposed)
        assert "policy.agreed" not in AuditEntry.objects.values_list("kind", flat=True)
        activate(site, proposed, loosens="yes")
        assert self.number(site) == 1

    def test_a_stricter_one_needs_one_person(self, site: Site, proposed: PolicyPreview) -> None:
        self.add_another()
        text = site.workspace.current_policy.text
        assert "days = 30" in text
        stricter = self.propose(site, text.replace("days = 30", "days = 31", 1))
        sign_in(site.client, site.person("administrator"))
        activate(site, stricter)
        assert self.number(site) == 2
