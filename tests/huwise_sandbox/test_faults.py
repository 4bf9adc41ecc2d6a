"""What each kind of fault does to a request."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest


def order(control: httpx.Client, *faults: dict[str, Any]) -> None:
    answer = control.post("/faults", json=list(faults))
    assert answer.status_code == 200, answer.text


def deletes(control: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = control.get("/").json()["deletes"]
    return found


def test_latency_answers_late(api: httpx.Client, control: httpx.Client) -> None:
    order(control, {"kind": "latency", "seconds": 0.1})
    begun = time.monotonic()
    assert api.get("/users/").status_code == 200
    assert time.monotonic() - begun >= 0.1


def test_status_answers_instead_of_acting(api: httpx.Client, control: httpx.Client) -> None:
    order(control, {"kind": "status", "status": 500, "method": "DELETE"})
    answer = api.delete("/users/nina/")
    assert answer.status_code == 500
    assert answer.json()["error_code"] == "internal_error"
    assert answer.json()["trace_id"]
    assert api.get("/users/nina/").status_code == 200
    (entry,) = deletes(control)
    assert (entry["username"], entry["status"]) == ("nina", 500)
    assert entry["removed"] is False


def test_status_takes_headers_and_a_body(api: httpx.Client, control: httpx.Client) -> None:
    retry = {"headers": {"Retry-After": "7"}, "body": {"error_code": "slow_down"}}
    order(control, {"kind": "status", "status": 429} | retry)
    answer = api.get("/users/")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "7"
    assert answer.json() == {"error_code": "slow_down"}


def test_a_text_body_is_served_as_html(api: httpx.Client, control: httpx.Client) -> None:
    page = "<html>Bad gateway é</html>"
    order(control, {"kind": "status", "status": 502, "body": page})
    answer = api.get("/users/")
    assert answer.status_code == 502
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text == page


@pytest.mark.parametrize("epoch", [False, True])
def test_quota_speaks_the_data_apis_dialect(api: httpx.Client, control: httpx.Client, epoch: bool) -> None:
    order(control, {"kind": "quota", "epoch": epoch})
    answer = api.get("/users/")
    assert answer.status_code == 429
    body = answer.json()
    assert (body["errorcode"], body["call_limit"]) == (10002, 10000)
    reset = datetime.fromisoformat(body["reset_time"])
    assert (reset.hour, reset.minute) == (0, 0)
    assert timedelta() < reset - datetime.now(UTC) <= timedelta(days=1)
    written = answer.headers["x-ratelimit-reset"]
    expected = str(int(reset.timestamp())) if epoch else reset.isoformat(sep=" ")
    assert written == expected
    assert answer.headers["x-ratelimit-remaining"] == "0"


def test_redirect_sends_the_client_elsewhere_and_does_nothing(api: httpx.Client, control: httpx.Client) -> None:
    order(control, {"kind": "redirect", "location": "http://elsewhere.example/"})
    answer = api.delete("/users/nina/")
    assert answer.status_code == 302
    assert answer.headers["location"] == "http://elsewhere.example/"
    control.delete("/faults")
    assert api.get("/users/nina/").status_code == 200


def test_cut_before_hangs_up_without_acting(api: httpx.Client, control: httpx.Client) -> None:
    order(control, {"kind": "cut_before", "method": "DELETE"})
    with pytest.raises(httpx.RemoteProtocolError):
        api.delete("/users/nina/")
    assert api.get("/users/nina/").status_code == 200
    (entry,) = deletes(control)
    assert (entry["status"], entry["removed"]) == ("cut", False)


def test_cut_after_acts_and_hangs_up(api: httpx.Client, control: httpx.Client) -> None:
    order(control, {"kind": "cut_after", "method": "DELETE"})
    with pytest.raises(httpx.RemoteProtocolError):
        api.delete("/users/nina/")
    assert api.get("/users/nina/").status_code == 404
    (entry,) = deletes(control)
    assert (entry["status"], entry["removed"]) == ("cut", True)


def test_hang_after_acts_and_leaves_the_client_waiting(api: httpx.Client, control: httpx.Client) -> None:
    order(control, {"kind": "hang_after", "method": "DELETE", "seconds": 0.3})
    with pytest.raises(httpx.ReadTimeout):
        api.delete("/users/nina/", timeout=0.1)
    assert api.get("/users/nina/").status_code == 404
    assert deletes(control)[0]["removed"] is True


def test_hang_after_hangs_up_in_the_end(api: httpx.Client, control: httpx.Client) -> None:
    order(control, {"kind": "hang_after", "seconds": 0.1})
    begun = time.monotonic()
    with pytest.raises(httpx.RemoteProtocolError):
        api.get("/users/")
    assert time.monotonic() - begun >= 0.1


def test_truncate_cuts_the_body_in_half(api: httpx.Client, control: httpx.Client) -> None:
    order(control, {"kind": "truncate"})
    with pytest.raises(httpx.RemoteProtocolError):
        api.get("/users/")


def test_a_complete_truncate_is_half_the_json_with_the_right_length(api: httpx.Client, control: httpx.Client) -> None:
    order(control, {"kind": "truncate", "complete": True})
    answer = api.get("/users/")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()


def test_empty_list_looks_like_an_empty_workspace(api: httpx.Client, control: httpx.Client) -> None:
    order(control, {"kind": "empty_list", "path": "/users/"})
    body = api.get("/users/").json()
    assert body == {"total_count": 0, "next": None, "previous": None, "results": []}
    assert api.get("/users/nina/").json()["username"] == "nina"


def test_null_dates_hides_all_three_dates(api: httpx.Client, control: httpx.Client) -> None:
    order(control, {"kind": "null_dates"})
    rows = api.get("/users/").json()["results"]
    for row in [*rows, api.get("/users/nina/").json()]:
        assert row["joined_at"] is row["last_seen_at"] is row["last_login_at"] is None
    control.delete("/faults")
    assert api.get("/users/nina/").json()["joined_at"]


def test_short_page_loses_one_row_and_keeps_the_count(api: httpx.Client, control: httpx.Client) -> None:
    order(control, {"kind": "short_page", "path": "/users/", "times": 1})
    short, whole = (api.get("/users/?limit=3").json() for _ in range(2))
    assert short["results"] == whole["results"][:-1]
    assert short["total_count"] == whole["total_count"] == 6


def test_wrong_total_is_off_by_delta(api: httpx.Client, control: httpx.Client) -> None:
    order(control, {"kind": "wrong_total", "delta": -2})
    body = api.get("/users/").json()
    assert (body["total_count"], len(body["results"])) == (4, 6)


@pytest.mark.parametrize("status", [400, 403, 409])
def test_the_status_that_refuses_the_last_administrator_can_be_chosen(
    api: httpx.Client, control: httpx.Client, status: int
) -> None:
    order(control, {"kind": "last_admin_status", "status": status})
    assert api.delete("/users/claire/").status_code == 204
    answer = api.delete("/users/svc.cleanup/")
    assert answer.status_code == status
    assert answer.json()["error_code"] == "last_domain_administrator"


def test_a_fault_strikes_only_its_method_and_path(api: httpx.Client, control: httpx.Client) -> None:
    awkward = {"method": "GET", "path": "/users/Zoé*", "kind": "status", "status": 503}
    order(control, awkward)
    assert api.get("/users/Zo%C3%A9%20M%C3%BCller%2B1%25/").status_code == 503
    assert api.delete("/users/Zo%C3%A9%20M%C3%BCller%2B1%25/").status_code == 204
    assert api.get("/users/nina/").status_code == 200
    assert api.get("/users/").status_code == 200


def test_a_fault_waits_for_its_turn_and_ends(api: httpx.Client, control: httpx.Client) -> None:
    order(control, {"kind": "status", "status": 503, "after": 2, "times": 2})
    statuses = [api.get("/groups/").status_code for _ in range(6)]
    assert statuses == [200, 200, 503, 503, 200, 200]
    assert control.get("/").json()["faults"][0]["struck"] == 2


def test_a_fault_without_times_stays_until_it_is_cleared(api: httpx.Client, control: httpx.Client) -> None:
    order(control, {"kind": "status", "status": 503})
    assert {api.get("/groups/").status_code for _ in range(5)} == {503}
    assert control.delete("/faults").status_code == 204
    assert api.get("/groups/").status_code == 200


def test_the_first_fault_that_answers_settles_it_and_the_next_keeps_its_turn(
    api: httpx.Client, control: httpx.Client
) -> None:
    order(
        control,
        {"kind": "status", "status": 429, "times": 1},
        {"kind": "status", "status": 503, "times": 1},
        {"kind": "null_dates"},
    )
    statuses = [api.get("/users/nina/").status_code for _ in range(3)]
    assert statuses == [429, 503, 200]
    assert api.get("/users/nina/").json()["joined_at"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "gremlin"},
        {"kind": "latency"},
        {"kind": "latency", "seconds": "long"},
        {"kind": "status", "status": 500, "times": "often"},
        "latency",
    ],
)
def test_a_wrong_order_is_refused_and_changes_nothing(control: httpx.Client, wrong: object) -> None:
    order(control, {"kind": "truncate", "path": "/nowhere/"})
    answer = control.post("/faults", json=[{"kind": "truncate"}, wrong])
    assert answer.status_code == 400
    assert len(control.get("/").json()["faults"]) == 1
