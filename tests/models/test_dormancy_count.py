"""What pages count from follows the assessments, whoever writes them and however."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, timedelta
from itertools import product

from django.db import connection
from django.utils.timezone import now

from accounts_review.models import Account, Assessment, DormancyCount, Workspace
from accounts_review.workflow.assess.assess import assess
from tests.factories import make_account
from tests.web.kit import read, someone


def counted(workspace: Workspace) -> Counter[tuple[object, ...]]:
    """What the counts say, summed up."""
    found: Counter[tuple[object, ...]] = Counter()
    for *group, count in DormancyCount.objects.filter(workspace=workspace).values_list(
        "segment", "limit_days", "standing", "never_used", "is_dated", "day", "count"
    ):
        found[tuple(group)] += count
    return Counter({group: count for group, count in found.items() if count})


def there_are(workspace: Workspace) -> Counter[tuple[object, ...]]:
    """The truth, from the accounts one by one."""
    assessments = Assessment.objects.filter(account__in=Account.objects.filter(workspace=workspace).listed())
    return Counter(
        (
            *(each.segment, each.limit_days, each.standing, each.never_used, each.activity_at is not None),
            each.dormant_from.astimezone(UTC).date(),
        )
        for each in assessments
    )


def test_counts_follow_what_is_judged(workspace: Workspace) -> None:
    read(
        workspace,
        someone("ana"),
        someone("ben"),
        someone("boss", permissions=["edit_domain"]),
        someone("odd", email=""),
    )

    assert counted(workspace) == there_are(workspace)
    assert counted(workspace).total() == 4


def test_counts_follow_who_leaves_and_who_comes_back(workspace: Workspace) -> None:
    read(workspace, *(someone(f"n{number}") for number in range(5)))
    Account.objects.filter(username__in=["n0", "n1"]).update(absent_since=now())
    Account.objects.filter(username__in=["n1", "n2"]).update(gone_at=now())
    assert counted(workspace) == there_are(workspace)
    assert counted(workspace).total() == 2
    assert Assessment.objects.filter(is_listed=True).count() == 2

    Account.objects.update(absent_since=None, gone_at=None)
    assert counted(workspace) == there_are(workspace)
    assert counted(workspace).total() == 5


def test_whoever_is_gone_and_judged_again_stays_uncounted(workspace: Workspace) -> None:
    read(workspace, someone("ana"), someone("ben"))
    Account.objects.filter(username="ana").update(gone_at=now())
    Assessment.objects.update(basis="")
    assess(workspace=workspace)
    make_account(workspace, "cyd", gone_at=now())
    assess(workspace=workspace)

    assert counted(workspace) == there_are(workspace)
    assert not Assessment.objects.filter(account__username__in=["ana", "cyd"], is_listed=True).exists()


def test_counts_follow_statements_of_any_kind(workspace: Workspace) -> None:
    read(workspace, *(someone(f"n{number}", idle=900 + number) for number in range(6)))
    Assessment.objects.filter(account__username="n1").update(dormant_from=now() + timedelta(days=9))
    Assessment.objects.filter(account__username="n2").update(standing="protected", segment="another", is_listed=False)
    Assessment.objects.filter(account__username="n3").delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "MERGE INTO accounts_review_assessment a USING accounts_review_account b ON a.account_id = b.id"
            " WHEN MATCHED AND b.username = 'n4' THEN DELETE"
            " WHEN MATCHED AND b.username = 'n5' THEN UPDATE SET standing = 'uncertain'"
        )

    assert counted(workspace) == there_are(workspace)
    assert counted(workspace).total() == 4


def test_gathered_and_recounted_they_say_the_same(workspace: Workspace) -> None:
    read(workspace, *(someone(f"n{number}") for number in range(3)))
    Assessment.objects.update(standing="protected")
    before = counted(workspace)
    DormancyCount.objects.gather(workspace)
    assert counted(workspace) == before
    assert not DormancyCount.objects.filter(count__lt=1).exists()

    DormancyCount.objects.update(count=7)
    DormancyCount.objects.recount(workspace)
    assert counted(workspace) == before == there_are(workspace)


def test_of_any_instant_and_limit_it_is_known_who_would_be_dormant(workspace: Workspace) -> None:
    hours = (0.1, 5, 12, 30)
    read(
        workspace,
        *(someone(f"n{number}", idle=720 + number + hours[number % 4] / 24) for number in range(20)),
        someone("boss", idle=900, permissions=["edit_domain"]),
        someone("odd", idle=900, email=""),
    )
    ordinary = [each for each in Assessment.objects.all() if each.standing == "ordinary"]
    for days, tried in product((-4, 0, 3.3, 9.6, 40), (None, 725, 737)):
        at = now() + timedelta(days=days)
        late = timedelta(days=(tried or 730) - 730)
        found = DormancyCount.objects.dormant_by_segment(
            workspace, at=at, tried={"everyone else": tried} if tried else {}
        )
        assert found == {"everyone else": sum(each.dormant_from + late <= at for each in ordinary)}
