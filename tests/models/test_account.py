"""Accounts: what is asked of them in the words of the design, and what the database itself refuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import reduce
from hashlib import md5
from operator import or_
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts_review.models import Account, Assessment, Exemption, Workspace
from accounts_review.models.account import NAMELESS, SEARCHED
from tests.factories import make_account, make_case, make_cleanup, make_exemption
from tests.stage import NOW
from tests.strategies import exhaustively

Make = Callable[..., Account]


@pytest.fixture
def make(workspace: Workspace) -> Make:
    """Makes an assessed account; by default one that became dormant a day ago."""

    def account(
        username: str, *, standing: str = "ordinary", dormant_from: datetime | None = None, **fields: Any
    ) -> Account:
        row = make_account(workspace, username, **({"incarnation": "2020"} | fields))
        Assessment.objects.create(
            account=row,
            policy=workspace.current_policy,
            segment="everyone",
            dormant_from=dormant_from or NOW - timedelta(days=1),
            limit_days=730,
            standing=standing,
            basis="",
        )
        return row

    return account


@pytest.fixture
def stored(workspace: Workspace) -> Account:
    return make_account(workspace, "marie")


def names(accounts: Any) -> list[str]:
    return sorted(accounts.values_list("username", flat=True))


TABLE = [
    # standing, dormant from now on?, exempt?, verdict
    ("ordinary", True, False, "dormant"),
    ("ordinary", False, False, "active"),
    ("ordinary", True, True, "protected"),
    ("ordinary", False, True, "active"),
    ("protected", True, False, "protected"),
    ("protected", False, False, "active"),
    ("protected", True, True, "protected"),
    ("uncertain", True, False, "uncertain"),
    ("uncertain", False, False, "active"),
    ("uncertain", True, True, "protected"),
]


@pytest.mark.parametrize(("standing", "is_idle", "is_exempt", "verdict"), TABLE)
def test_a_verdict_is_read_from_standing_instant_and_exemption(
    make: Make, standing: str, is_idle: bool, is_exempt: bool, verdict: str
) -> None:
    account = make("marie", standing=standing, dormant_from=NOW if is_idle else NOW + timedelta(microseconds=1))
    if is_exempt:
        until = NOW + timedelta(microseconds=1)
        make_exemption(account, until=until, reason="x")
    seen = Account.objects.assessed().with_verdict(NOW)
    assert seen.get().verdict == verdict
    assert names(seen.whose_verdict(verdict, now=NOW)) == ["marie"]
    others = {"active", "dormant", "protected", "uncertain"} - {verdict}
    assert names(seen.whose_verdict(*others, now=NOW)) == []
    assert Counter(seen.verdicts().values()) == {verdict: 1}
    assert seen.verdicts() == {account.pk: verdict}


@pytest.mark.parametrize(
    "exemption",
    [{"until": NOW}, {"until": NOW + timedelta(days=1), "withdrawn_at": NOW - timedelta(days=1)}],
    ids=["lapsed", "withdrawn"],
)
def test_an_exemption_that_is_over_changes_no_verdict(make: Make, exemption: dict[str, Any]) -> None:
    Exemption.objects.create(account=make("marie"), reason="x", by_login="rita", at=NOW, **exemption)
    account = Account.objects.assessed().with_verdict(NOW).get()
    assert (account.verdict, account.exempt_until) == ("dormant", None)


def test_the_state_of_the_open_case_comes_along(make: Make, workspace: Workspace) -> None:
    cleanup = make_cleanup(workspace, number=1)
    account = make("marie")
    for state in ("withdrawn", "spared"):
        make_case(cleanup, account, state=state)
    assert Account.objects.with_verdict(NOW).get().case_state is None
    make_case(cleanup, account, state="due")
    assert Account.objects.with_verdict(NOW).get().case_state == "due"
    with pytest.raises(IntegrityError, match="one_open_case_per_account"), transaction.atomic():
        make_case(cleanup, account, state="in_draft")


def test_accounts_that_are_absent_or_gone_are_not_listed(make: Make) -> None:
    make("here")
    make("absent", absent_since=NOW)
    make("gone", gone_at=NOW)
    assert names(Account.objects.listed()) == ["here"]


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("MARIE", ["marie"]),
        ("curie", ["marie"]),
        ("@ville.example", ["marie", "zoé"]),
        ("Müll", ["zoé"]),
        ("100%", ["100%_off"]),
        ("_", ["100%_off"]),
        ("\\", []),
        ("nobody", []),
        ("", ["100%_off", "marie", "zoé"]),
    ],
)
def test_a_search_looks_into_names_and_addresses_literally(make: Make, term: str, found: list[str]) -> None:
    make("marie", email="m@ville.example", last_name="Curie")
    make("zoé", email="z@ville.example", display_name="Zoé Müller")
    make("100%_off")
    assert names(Account.objects.search(term)) == found


ODD = st.text(alphabet="aAéÉßıİσςΣ%_\\\\\n\x1f '\u2028\u0301\U0001f600", max_size=6)


@settings(exhaustively, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(columns=st.tuples(ODD, ODD, ODD, ODD, ODD), term=ODD, pick=st.integers(0, 4))
def test_a_search_looks_into_each_column_by_itself(
    stored: Account, columns: tuple[str, ...], term: str, pick: int
) -> None:
    Account.objects.update(**dict(zip(SEARCHED, columns, strict=True)))
    for asked in (term, columns[pick], columns[pick][1:4], columns[0][-2:] + columns[1][:2]):
        holds_all = Q()
        for word in asked.split() or [asked]:
            holds_all &= reduce(or_, (Q((f"{name}__icontains", word)) for name in SEARCHED))
        expected = Account.objects.filter(holds_all).exists()
        assert Account.objects.search(asked).exists() == expected
        assert Account.objects.search(asked, is_walked=True).exists() == expected


def test_an_incarnation_exists_once_however_long_its_name(make: Make) -> None:
    name = "m" * 10_000
    make(name)
    make(name, incarnation="2021")
    with pytest.raises(IntegrityError, match="incarnation_once"), transaction.atomic():
        make(name)


def test_the_search_can_use_its_index(make: Make) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = Account.objects.search("mari").explain()
    assert "account_search" in plan


def test_a_full_name_falls_back_to_the_displayed_one(make: Make) -> None:
    assert make("a", first_name="Marie", last_name="Curie", display_name="x").full_name == "Marie Curie"
    assert make("b", last_name="Curie").full_name == "Curie"
    assert make("c", display_name="Marie C.").full_name == "Marie C."


def test_what_a_judgement_rests_on_tells_every_two_states_of_an_account_apart(make: Make) -> None:
    changes: tuple[dict[str, Any], ...] = (
        {},
        {"digest": "b"},
        {"incomplete": True},
        {"disputed": ["edit_domain"]},
        {"lost_activity_at": NOW},
        {"unconfirmed_activity_at": NOW},
    )
    for number, change in enumerate(changes):
        make(f"m{number}", **({"digest": "a"} | change))
    bases = [account.basis for account in Account.objects.with_basis("7:r").order_by("username")]
    nothing, instant = md5(b"{}", usedforsecurity=False).hexdigest(), f"{NOW.timestamp():.6f}"
    disputed = md5(b"{edit_domain}", usedforsecurity=False).hexdigest()
    assert bases == [
        "7:r:a",
        "7:r:b",
        f"7:r:a:true:{nothing}::",
        f"7:r:a:false:{disputed}::",
        f"7:r:a:false:{nothing}:{instant}:",
        f"7:r:a:false:{nothing}::{instant}",
    ]


@pytest.mark.parametrize(
    "condition",
    [
        "gone_at IS NOT NULL OR absent_since IS NOT NULL",
        "incomplete OR length(digest) <> 32",
        "unconfirmed_activity_at IS NOT NULL",
        "disputed <> '{}'",
        f"username LIKE '{NAMELESS}%%'",
    ],
)
def test_what_is_true_of_few_is_found_by_an_index(make: Make, condition: str) -> None:
    make("marie")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN SELECT id FROM accounts_review_account WHERE workspace_id = %s AND ({condition})", [1])
        assert "account_exceptions" in str(cursor.fetchall())
