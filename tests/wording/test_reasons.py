"""What the portal itself gives as a reason is read in the reader's language, whoever acted in which."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from accounts_review.audit import sentences
from accounts_review.models import AuditEntry, Exemption
from accounts_review.wording import reasons
from accounts_review.workflow import answer
from accounts_review.workflow.answer import AnswerKind, Said
from accounts_review.workflow.notify.send import send_notices
from tests.stage import SetStage, policy_text, someone


@pytest.mark.parametrize(
    ("stored", "english", "french"),
    [
        ("undone", "undone", "annulé"),
        ("again, after clean-up 12", "again, after clean-up 12", "de nouveau, après le nettoyage 12"),
        ("away until 2026-08-01", "away until 1 Aug 2026", "absent jusqu’au 1er août 2026"),
        ("away until 2026-99-99", "away until 2026-99-99", "absent jusqu’au 2026-99-99"),
        ("asked to keep it", "asked to keep it", "a demandé à le conserver"),
        (
            "asked to keep it: 50 %(x)s\nof it",
            "asked to keep it: 50 %(x)s\nof it",
            "a demandé à le conserver\u00a0: 50 %(x)s\nof it",
        ),
        ("found again, with more", "found again, with more", "constaté de nouveau, avec d’autres écarts"),
    ],
)
def test_one_of_ours_is_told_in_the_readers_language(stored: str, english: str, french: str) -> None:
    assert reasons.told(stored) == english
    with override("fr"):
        assert reasons.told(stored) == french


@pytest.mark.parametrize(
    "given", ["", "on leave", "undone by mistake", "absent until 2026-99-99", "again, after clean-up x"]
)
def test_what_somebody_wrote_stays_as_they_wrote_it(given: str) -> None:
    with override("fr"):
        assert reasons.told(given) == given


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (Said(kind=AnswerKind.KEEP, text="bus feed"), "asked to keep it: bus feed"),
        (Said(kind=AnswerKind.KEEP), "asked to keep it"),
    ],
)
def test_an_answer_is_told_in_the_readers_language_and_not_in_that_of_the_workspace(
    set_stage: SetStage, said: Said, told: str
) -> None:
    stage = set_stage(someone("marie"), policy=policy_text(notice=30), launched=("marie",))
    stage.workspace.language = "fr"
    stage.workspace.save(update_fields=["language"])
    send_notices(workspace=stage.workspace, now=stage.clock())
    answer.answer(case=stage.case("marie"), said=said, now=stage.clock())
    assert reasons.told(Exemption.objects.get().reason) == told
    exempted = AuditEntry.objects.get(kind="account.exempted")
    assert sentences.of_entry(exempted).endswith(told)
    with override("fr"):
        assert "a demandé à le conserver" in sentences.of_entry(exempted)
