"""Many keys in one condition: whoever has one of them is found, in every way of asking, and nobody else."""

from __future__ import annotations

import pytest

from accounts_review.models import Account, Assessment
from accounts_review.models.keys import Among, one_of
from accounts_review.workflow.assess import assess
from tests.stage import SetStage

pytestmark = pytest.mark.django_db


def test_each_way_finds_the_same(set_stage: SetStage) -> None:
    set_stage(others=12)
    keys = list(Account.objects.order_by("pk").values_list("pk", flat=True))
    for asked in (keys, keys[2:5], keys[::5], [keys[3], keys[-1] + 7], [keys[-1] + 7], []):
        wanted = [key for key in keys if key in asked]
        for condition in (Account.objects.filter(pk__in=Among(asked)), Account.objects.filter(one_of(asked))):
            assert list(condition.order_by("pk").values_list("pk", flat=True)) == wanted


@pytest.mark.parametrize("step", [1, 9])
def test_whoever_is_left_is_noticed_whether_keys_lie_close_or_far_apart(set_stage: SetStage, step: int) -> None:
    stage = set_stage(others=27)
    keys = list(Account.objects.order_by("pk").values_list("pk", flat=True))[::step]
    version = stage.workspace.current_policy
    assert version.is_judged
    assert assess._is_done(version, keys)
    Assessment.objects.filter(account=keys[1]).update(basis="")
    assert not assess._is_done(version, keys)
