"""What the control plane lets a test do behind the API's back."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx
import pytest


def test_the_front_page_tells_what_there_is_and_what_was_asked(api: httpx.Client, control: httpx.Client) -> None:
    api.get("/users/")
    api.delete("/users/nina/")
    api.delete("/users/nina/")
    body = control.get("/").json()
    assert body["version"] == 1
    assert body["service_user"] == "svc.cleanup"
    assert body["counts"] == {
        "users": 5,
        "groups": 3,
        "apikeys": 2,
        "administrators": 2,
    }
    assert body["requests"] == {"GET": 1, "DELETE": 2}
    assert [(d["username"], d["status"]) for d in body["deletes"]] == [
        ("nina", 204),
        ("nina", 404),
    ]
    at = datetime.fromisoformat(body["deletes"][0]["at"])
    assert abs(datetime.now(UTC) - at) < timedelta(seconds=5)


def test_the_journal_keeps_deletes_that_never_reached_a_user(api: httpx.Client, control: httpx.Client) -> None:
    api.delete("/users//")
    api.delete("/users/a%2Fb/")
    api.delete("/users/nina")
    api.delete("/users/nina/", headers={"Authorization": "Apikey wrong"})
    entries = control.get("/").json()["deletes"]
    assert [(d["username"], d["status"]) for d in entries] == [
        ("", 404),
        ("a/b", 404),
        ("nina", 301),
        ("nina", 401),
    ]


def test_a_user_can_be_touched(api: httpx.Client, control: httpx.Client) -> None:
    answer = control.post("/users/nina", json={"last_seen_at": "now"})
    assert answer.status_code == 200
    seen = datetime.fromisoformat(api.get("/users/nina/").json()["last_seen_at"])
    assert abs(datetime.now(UTC) - seen) < timedelta(seconds=5)


def test_a_user_can_be_given_anything_even_what_no_schema_allows(api: httpx.Client, control: httpx.Client) -> None:
    change = {"permissions": None, "joined_at": "soon", "absent": ["last_login_at"]}
    control.post("/users/nina", json=change)
    user = api.get("/users/nina/").json()
    assert user["permissions"] is None
    assert user["joined_at"] == "soon"
    assert "last_login_at" not in user
    assert "absent" not in user
    assert api.get("/users/?sort=last_seen_at&all_permissions=edit_page").is_success


def test_a_user_can_be_created(api: httpx.Client, control: httpx.Client) -> None:
    name = quote("dsi/jean", safe="")
    created = control.post(f"/users/{name}", json={"permissions": ["edit_domain"]})
    assert created.status_code == 201
    assert api.get(f"/users/{name}/").json() == created.json()


def test_a_user_can_be_removed_even_the_last_administrator(api: httpx.Client, control: httpx.Client) -> None:
    api.delete("/users/claire/")
    assert control.delete("/users/svc.cleanup").status_code == 204
    assert control.delete("/users/svc.cleanup").status_code == 404
    assert control.get("/").json()["counts"]["administrators"] == 0


def test_changes_behind_the_apis_back_are_not_in_the_journal(
    control: httpx.Client,
) -> None:
    control.delete("/users/nina")
    body = control.get("/").json()
    assert (body["deletes"], body["requests"]) == ([], {})


@pytest.mark.parametrize("add", [0, 1])
def test_a_listing_can_change_between_pages_and_lose_somebody(
    api: httpx.Client, control: httpx.Client, add: int
) -> None:
    everybody = [u["username"] for u in api.get("/users/").json()["results"]]
    change = {"delete": 1, "add": add, "times": 1}
    control.post("/settings", json={"mutate_while_paging": change})
    seen: list[str] = []
    totals: list[int] = []
    for offset in (0, 2, 4):
        body = api.get(f"/users/?limit=2&offset={offset}&sort=username").json()
        seen += [row["username"] for row in body["results"]]
        totals.append(body["total_count"])
    assert totals == [6, 5 + add, 5 + add]
    assert len(seen) == len(set(seen)) == 5 + add
    assert len(set(everybody) - set(seen)) == 1


def test_the_change_between_pages_goes_on_until_it_is_turned_off(api: httpx.Client, control: httpx.Client) -> None:
    control.post("/settings", json={"mutate_while_paging": {"add": 2}})
    counts = [api.get("/users/?offset=1").json()["total_count"] for _ in range(2)]
    answer = control.post("/settings", json={"mutate_while_paging": None})
    counts += [api.get("/users/?offset=1").json()["total_count"]]
    assert counts == [8, 10, 10]
    assert answer.json() == {"mutate_while_paging": None}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/settings", {"unheard_of": 1}),
        ("/settings", {"mutate_while_paging": {"swap": 1}}),
        ("/settings", {"mutate_while_paging": 3}),
        ("/users/nina", ["last_seen_at"]),
        ("/faults", {"kind": "truncate"}),
    ],
)
def test_a_wrong_order_is_a_bad_request(control: httpx.Client, path: str, body: object) -> None:
    answer = control.post(path, json=body)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_an_unknown_order_is_not_found(control: httpx.Client) -> None:
    assert control.post("/everything", json={}).status_code == 404
