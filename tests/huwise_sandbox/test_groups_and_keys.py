"""What ``/groups/`` and ``/apikeys/`` promise."""

import httpx
import pytest


def uids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["uid"] for row in answer.json()["results"]]


def test_groups_come_in_an_envelope_and_count_their_members(api: httpx.Client) -> None:
    body = api.get("/groups/").json()
    assert body["total_count"] == 3
    counts = {row["uid"]: row["user_count"] for row in body["results"]}
    assert counts == {"portal-team": 1, "partners": 1, "empty": 0}


def test_user_count_follows_every_change(api: httpx.Client) -> None:
    api.delete("/users/nina/")
    assert api.get("/groups/partners/").json()["user_count"] == 0
    api.put("/users/omar/", json={"groups": [{"uid": "partners"}]})
    assert api.get("/groups/partners/").json()["user_count"] == 1


def test_groups_are_searched_filtered_sorted_and_paged(api: httpx.Client) -> None:
    assert uids(api.get("/groups/", params={"search": "ÉQUIPE"})) == ["portal-team"]
    restricted = {"permissions": "explore_restricted_dataset"}
    assert uids(api.get("/groups/", params=restricted)) == ["partners"]
    by_title = ["partners", "empty", "portal-team"]
    assert uids(api.get("/groups/", params={"sort": "group__title"})) == by_title
    page = "sort=group__title&limit=1&offset=1"
    assert uids(api.get(f"/groups/?{page}")) == ["empty"]
    by_count = uids(api.get("/groups/", params={"sort": "user_count"}))
    assert by_count[0] == "empty"
    assert api.get("/groups/", params={"sort": "colour"}).status_code == 400


def test_an_unknown_group_is_not_found(api: httpx.Client) -> None:
    assert api.get("/groups/nowhere/").json()["error_code"] == "not_found"
    assert api.get("/groups/nowhere/users/").json()["error_code"] == "not_found"


def test_the_members_of_a_group_are_listed(api: httpx.Client) -> None:
    body = api.get("/groups/partners/users/").json()
    assert body["total_count"] == 1
    assert [row["username"] for row in body["results"]] == ["nina"]


def test_the_only_key_listed_is_the_callers_and_names_its_owner(
    api: httpx.Client,
) -> None:
    body = api.get("/apikeys/").json()
    assert body["total_count"] == 1
    (key,) = body["results"]
    assert key["user"] == {"username": "svc.cleanup"}
    assert key["permissions"] == ["edit_domain"]


def test_a_key_is_found_by_its_value(api: httpx.Client) -> None:
    found = api.post("/apikeys/search_key/", json={"key": "omar-key"}).json()
    assert found["found"] is True
    assert found["result"]["user"] == {"username": "omar"}
    missing = api.post("/apikeys/search_key/", json={"key": "?"}).json()
    assert missing == {"found": False, "result": None}


@pytest.mark.parametrize("body", [{}, [], {"key": 1}])
def test_searching_for_no_key_is_a_validation_error(api: httpx.Client, body: object) -> None:
    answer = api.post("/apikeys/search_key/", json=body)
    assert answer.json()["error_code"] == "validation_error"


def test_a_key_is_never_stronger_than_its_owner(api: httpx.Client) -> None:
    weak = {"Authorization": "Apikey omar-key"}
    assert api.get("/apikeys/", headers=weak).status_code == 200
    answer = api.get("/users/", headers=weak)
    assert answer.status_code == 403
    assert answer.json()["error_code"] == "permission_denied"
