"""What is found is stored as codes and told in words, with what to do."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts_review.huwise import HuwiseError, RateLimited, ServerFault, Unauthorized, Unreachable, UnsafeUsername
from accounts_review.wording.findings import ERRORS, REMEDIES, SAID, in_words, of_error

GOOD = {"reach", "clock", "clock_unsaid", "owner", "administrators", "use"}
BY_ITSELF = {
    *("hourly_limit", "mail_limit", "launch_waits", "avoided_day", "lease_over", "look_too_old", "worker_died"),
    *("paused", "cancelled", "answers_awaited"),
}
"""What goes on by itself, or is what a person chose: there is nothing to mend."""


@pytest.mark.parametrize("code", sorted(SAID.keys() - GOOD - BY_ITSELF - {"api"}))
def test_whatever_is_wrong_has_a_remedy(code: str) -> None:
    assert in_words({"code": code, "why": "exempt"} if code == "held_back" else {"code": code}).remedy == str(
        REMEDIES[code]
    ) % defaultdict(str)


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 administrator is in the list."), (2, "2 administrators are in the list.")]
)
def test_one_is_not_told_as_many(count: int, said: str) -> None:
    assert in_words({"code": "administrators", "count": count}).said == said


def test_numbers_are_told() -> None:
    told = in_words({"code": "counts_differ", "read": 7, "announced": 9, "counted": 8})
    assert told.said == "7 accounts were read; 9 were announced at the start and 8 at the end."


@pytest.mark.parametrize("kind", ERRORS)
def test_each_kind_of_error_that_is_told_is_one_of_the_client(kind: str) -> None:
    assert kind.split()[0] in {error.__name__ for error in HuwiseError.__subclasses__()}


def test_an_error_of_the_api_says_what_it_means_what_to_do_and_what_it_said() -> None:
    told = in_words(of_error("api", Unauthorized(doing="reading users", status=401)))
    assert told.said == "The workspace does not accept the API key."
    assert "HUWISE_API_KEY" in told.remedy
    assert "while reading users (HTTP 401)" in told.detail


@pytest.mark.parametrize("kind", ["connection", "timeout", "slow", "cut", "tls", "private", "proxy"])
def test_an_error_says_each_thing_once(kind: Any) -> None:
    told = in_words(of_error("api", Unreachable(doing="reading users on data.example.org", kind=kind, message="EOF.")))
    assert told.detail == "while reading users on data.example.org: EOF"
    assert told.said != in_words(of_error("api", Unauthorized())).said


def test_an_error_that_has_no_sentence_here_is_told_by_its_own_text() -> None:
    told = in_words(of_error("api", UnsafeUsername(message="'a/b'")))
    assert told.detail.startswith("This username cannot be put safely into a URL: 'a/b'. Nothing was sent;")


def test_where_an_error_is_only_the_reason_it_comes_second() -> None:
    told = in_words(of_error("not_compared", ServerFault(), right="edit_domain"))
    assert told.said == (
        "Who holds edit_domain could not be compared with the workspace's own list. The workspace reported an error."
    )


@pytest.mark.parametrize("found", ["the list is empty", {"code": "of_next_year"}, {"code": "api", "kind": "Odd"}])
def test_what_another_version_stored_is_shown_as_well_as_can_be(found: str | dict[str, str]) -> None:
    assert in_words(found).said


def test_the_instant_from_which_the_workspace_answers_again_is_kept() -> None:
    error = RateLimited(doing="reading users", status=429, retry_at=datetime(2026, 11, 28, 15, 30, tzinfo=UTC))
    assert "Try again after 2026-11-28 15:30:00+00:00." in str(in_words(of_error("sync_failed", error)))
