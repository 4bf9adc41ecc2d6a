"""People join and leave while the list is read: who joins spoils nothing, who leaves is found by reading again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from accounts_review.huwise import Client, Page
from accounts_review.huwise.client import LARGEST_PAGE as PAGE
from accounts_review.models import Workspace
from accounts_review.workflow.sync.known import Known
from accounts_review.workflow.sync.passes import Passes
from accounts_review.workflow.sync.staging import SEEN_NAMES, staging
from huwise_sandbox.records import Record
from tests.stage import KEY, NOW, SetStage, someone

Reader = Callable[[Any], Passes]
Change = Callable[[list[Record], int], None]
BEGAN = NOW + timedelta(hours=3)
"""By the workspace's clock, which is not ours."""


def people(count: int) -> list[Record]:
    return [someone(f"p{number:05d}") for number in range(count)]


def joiner(number: int) -> Record:
    """Somebody who joined a moment ago, and comes first in the list."""
    return someone(f"a{number:05d}", joined_at=(BEGAN + timedelta(seconds=number)).isoformat(), last_seen_at=None)


class Moving:
    """A workspace whose list changes before each page that is asked for."""

    def __init__(self, listed: list[Record], change: Change, *, tells_time: bool = True) -> None:
        self.listed, self.change, self.tells_time, self.asked = listed, change, tells_time, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        offset, limit = (int(request.url.params[name]) for name in ("offset", "limit"))
        self.change(self.listed, self.asked)
        self.asked += 1
        ordered = sorted(self.listed, key=lambda record: record["username"])
        date = format_datetime(BEGAN + timedelta(seconds=self.asked), usegmt=True)
        headers = {"Date": date} if self.tells_time else {}
        body = {"total_count": len(ordered), "results": ordered[offset : offset + limit]}
        return httpx.Response(200, json=body, headers=headers)


@pytest.fixture
def read(workspace: Workspace) -> Iterator[Reader]:
    with staging(workspace, read_at=BEGAN) as staged:

        def read_all(moving: Moving) -> Passes:
            transport = httpx.MockTransport(moving)
            with Client(url="http://127.0.0.1:8", api_key=KEY, transport=transport, attempts=1) as client:
                done = Passes(staging=staged, began=BEGAN, progress=lambda passes: None)
                done.read(client, known=Known())
            return done

        yield read_all


def join_at(*times: int) -> Change:
    def change(listed: list[Record], asked: int) -> None:
        if asked in times:
            listed.append(joiner(asked))

    return change


def leave_at(*times: int) -> Change:
    def change(listed: list[Record], asked: int) -> None:
        if asked in times:
            del listed[0]

    return change


def everyone(done: Passes) -> set[str]:
    return {name for (name,) in done.staging.stream(SEEN_NAMES)}


@pytest.mark.parametrize("tells_time", [True, False])
def test_somebody_who_joins_at_every_page_spoils_nothing(read: Reader, tells_time: bool) -> None:
    moving = Moving(people(2500), join_at(*range(1, 100)), tells_time=tells_time)
    done = read(moving)
    assert done.problems == []
    assert len(done.counts) == 2
    assert everyone(done) >= {record["username"] for record in people(2500)}


def test_somebody_who_joins_while_one_page_is_read_asks_for_a_second_pass(read: Reader) -> None:
    done = read(Moving(people(20), join_at(1)))
    assert (done.problems, len(done.counts), len(everyone(done))) == ([], 2, 21)


def test_one_page_that_holds_still_is_read_once(read: Reader) -> None:
    done = read(Moving(people(PAGE), join_at()))
    assert (done.problems, len(done.counts)) == ([], 1)


@pytest.mark.parametrize("times", [(1,), (1, 4), (1, 5, 9)], ids=str)
def test_somebody_who_leaves_is_found_by_reading_again_until_two_passes_agree(
    read: Reader, times: Sequence[int]
) -> None:
    done = read(Moving(people(2500), leave_at(*times)))
    assert done.problems == []
    assert everyone(done) == {record["username"] for record in people(2500)[len(times) :]}


def test_a_list_that_shrinks_at_every_page_is_read_seven_times_and_is_not_complete(read: Reader) -> None:
    done = read(Moving(people(2500), leave_at(*range(100))))
    assert [problem["code"] for problem in done.problems] == ["passes_disagree"]
    assert len(done.counts) == 7


@pytest.mark.slow(reason="a sync of more than a thousand")
def test_who_joined_long_ago_and_appears_only_now_is_no_joiner(read: Reader) -> None:
    """A list that leaves people out, others each time, must not pass for one that grows."""

    def change(listed: list[Record], asked: int) -> None:
        listed[:] = [record for number, record in enumerate(people(2500)) if number % 7 != asked % 7]

    done = read(Moving([], change))
    assert [problem["code"] for problem in done.problems] == ["passes_disagree"]


@pytest.mark.parametrize(
    "places",
    [range(9), reversed(range(9)), (0, 1, 2, 2, 3), (0, 1, 2, 3, 0), (2, 0, 1)],
    ids=["in order", "backwards", "one twice in a row", "one twice", "no order"],
)
def test_in_whatever_order_they_are_listed_everybody_is_counted_once(read: Reader, places: Sequence[int]) -> None:
    listed = [people(9)[place] for place in places]

    class AsGiven(Moving):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"total_count": len(self.listed), "results": self.listed})

    done = read(AsGiven(listed, join_at()))
    assert done.population == len({record["username"] for record in listed})
    assert [problem["code"] for problem in done.problems] == ["repeated", "counts_differ"] * done.has_doubles


@pytest.mark.parametrize("missing", [1, 30])
def test_rows_that_are_missing_in_every_pass_are_missed(read: Reader, missing: int) -> None:
    class Short(Moving):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            given = super().__call__(request).json()
            return httpx.Response(200, json=given | {"total_count": given["total_count"] + missing})

    done = read(Short(people(1500), join_at()))
    assert [problem["code"] for problem in done.problems] == ["counts_differ"]


def test_a_candidate_is_found_although_somebody_joined_meanwhile(
    set_stage: SetStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = set_stage(others=1200)
    stage.site.workspace.put(someone("marie"))
    read = Client.users_page

    def page(client: Client, **given: Any) -> Page:
        page = read(client, **given)
        if given.get("limit") != 0:
            record = someone(f"a{len(stage.site.workspace.usernames())}", joined_at=datetime.now(UTC).isoformat())
            stage.site.workspace.put(record | {"last_seen_at": None})
        return page

    monkeypatch.setattr(Client, "users_page", page)
    assert stage.sync().state == "complete"
    assert stage.verdicts()["marie"] == "dormant"
    assert Workspace.objects.get().accounts.listed().count() >= 1202
