"""What ``/users/`` promises."""

import csv
import io
from urllib.parse import quote

import httpx
import pytest

AWKWARD = quote("Zoé Müller+1%", safe="")


def usernames(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["username"] for row in answer.json()["results"]]


def test_the_list_comes_in_an_envelope_with_a_number_as_count(
    api: httpx.Client,
) -> None:
    body = api.get("/users/").json()
    assert list(body) == ["total_count", "next", "previous", "results"]
    assert body["total_count"] == 6
    assert body["next"] is None
    assert body["previous"] is None
    assert len(body["results"]) == 6


def test_groups_in_a_list_are_bare_uids(api: httpx.Client) -> None:
    rows = {row["username"]: row for row in api.get("/users/").json()["results"]}
    assert rows["nina"]["groups"] == [{"uid": "partners"}]
    assert rows["omar"]["groups"] == []


def test_twenty_rows_is_the_default_page(api: httpx.Client, control: httpx.Client) -> None:
    for number in range(30):
        control.post(f"/users/extra{number:02}", json={})
    body = api.get("/users/").json()
    assert (body["total_count"], len(body["results"])) == (36, 20)


def test_paging_by_offset_covers_everybody_exactly_once(api: httpx.Client) -> None:
    seen: list[str] = []
    for offset in range(0, 6, 4):
        seen += usernames(api.get(f"/users/?limit=4&offset={offset}&sort=username"))
    assert sorted(seen) == sorted(usernames(api.get("/users/")))
    assert len(set(seen)) == len(seen) == 6


def test_paging_by_next_covers_everybody_exactly_once_and_keeps_the_query(
    api: httpx.Client,
) -> None:
    seen: list[str] = []
    link = str(api.base_url.join("users/?limit=2&sort=username&search=ville.example"))
    while link:
        answer = api.get(link)
        seen += usernames(answer)
        link = answer.json()["next"]
        assert not link or "search=ville.example" in link
    assert len(set(seen)) == len(seen) == 6


def test_previous_leads_back(api: httpx.Client) -> None:
    body = api.get("/users/", params={"limit": 2, "offset": 3, "sort": "username"})
    previous = api.get(body.json()["previous"])
    expected = api.get("/users/", params={"limit": 2, "offset": 1, "sort": "username"})
    assert usernames(previous) == usernames(expected)


def test_limit_zero_only_counts(api: httpx.Client) -> None:
    body = api.get("/users/", params={"limit": 0}).json()
    assert body == {"total_count": 6, "next": None, "previous": None, "results": []}


@pytest.mark.parametrize(
    "page",
    [{"limit": "1001"}, {"limit": "-1"}, {"limit": "many"}, {"offset": "-1"}],
)
def test_a_page_outside_the_contract_is_a_validation_error(api: httpx.Client, page: dict[str, str]) -> None:
    answer = api.get("/users/", params=page)
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "validation_error"
    assert list(answer.json()["detail"]) == list(page)


def test_an_offset_beyond_the_end_is_an_empty_page(api: httpx.Client) -> None:
    body = api.get("/users/", params={"offset": 100}).json()
    assert (body["total_count"], body["results"], body["next"]) == (6, [], None)


@pytest.mark.parametrize(
    ("sort", "first", "last"),
    [
        ("username", "Zoé Müller+1%", "svc.cleanup"),
        ("first_name", "claire", "svc.cleanup"),
        ("last_name", "louise", "claire"),
        ("last_seen_at", "claire", "Zoé Müller+1%"),
    ],
)
def test_a_list_is_sorted_as_asked_with_nulls_last(api: httpx.Client, sort: str, first: str, last: str) -> None:
    rows = usernames(api.get("/users/", params={"sort": sort}))
    assert (rows[0], rows[-1]) == (first, last)


@pytest.mark.parametrize("sort", ["email", "-username", "joined_at"])
def test_an_unknown_sort_is_a_bad_request(api: httpx.Client, sort: str) -> None:
    answer = api.get("/users/", params={"sort": sort})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LOUISE", ["louise"]),
        ("morvan", ["nina"]),
        ("omar@VILLE", ["omar"]),
        ("zoé", ["Zoé Müller+1%"]),
        ("nobody", []),
    ],
)
def test_search_looks_at_names_and_email_whatever_the_case(api: httpx.Client, text: str, expected: list[str]) -> None:
    assert usernames(api.get("/users/", params={"search": text})) == expected


def test_permissions_are_direct_and_all_permissions_count_groups(
    api: httpx.Client,
) -> None:
    direct = api.get("/users/", params={"permissions": "edit_domain"})
    effective = api.get("/users/", params={"all_permissions": "edit_domain"})
    assert usernames(direct) == ["svc.cleanup"]
    assert usernames(effective) == ["svc.cleanup", "claire"]


def test_one_user_is_read_by_percent_encoded_username(api: httpx.Client) -> None:
    answer = api.get(f"/users/{AWKWARD}/")
    assert answer.json()["username"] == "Zoé Müller+1%"


def test_expand_gives_whole_groups(api: httpx.Client) -> None:
    (group,) = api.get("/users/nina/?expand=groups").json()["groups"]
    assert (group["title"], group["user_count"]) == ("Partenaires", 1)
    assert api.get("/users/nina/").json()["groups"] == [{"uid": "partners"}]


def test_an_unknown_user_is_not_found(api: httpx.Client) -> None:
    for answer in (api.get("/users/nobody/"), api.delete("/users/nobody/")):
        assert answer.status_code == 404
        assert answer.json() == {"error_code": "not_found", "message": "Not found."}


def test_an_empty_username_is_nobody_and_not_the_list(api: httpx.Client) -> None:
    assert api.delete("/users//").status_code == 404
    assert api.get("/users//").status_code == 404


def test_a_deleted_user_is_gone(api: httpx.Client) -> None:
    answer = api.delete(f"/users/{AWKWARD}/")
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(f"/users/{AWKWARD}/").status_code == 404
    assert api.delete(f"/users/{AWKWARD}/").status_code == 404
    assert api.get("/users/?limit=0").json()["total_count"] == 5


def test_deleting_a_user_kills_their_keys(api: httpx.Client) -> None:
    wanted = {"key": "omar-key"}
    assert api.post("/apikeys/search_key/", json=wanted).json()["found"] is True
    api.delete("/users/omar/")
    assert api.post("/apikeys/search_key/", json=wanted).json()["found"] is False


def test_the_caller_may_delete_itself_and_is_locked_out(api: httpx.Client) -> None:
    assert api.delete("/users/svc.cleanup/").status_code == 204
    assert api.get("/users/").status_code == 401


def test_the_last_domain_administrator_cannot_be_deleted(api: httpx.Client) -> None:
    assert api.delete("/users/claire/").status_code == 204
    answer = api.delete("/users/svc.cleanup/")
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "last_domain_administrator"
    assert api.get("/users/svc.cleanup/").status_code == 200


def test_a_route_word_is_out_of_reach_as_a_username(api: httpx.Client, control: httpx.Client) -> None:
    control.post("/users/export", json={})
    answer = api.delete("/users/export/")
    assert answer.status_code == 405
    assert "error_code" in answer.json()


def test_put_replaces_the_writable_fields_and_only_those(api: httpx.Client) -> None:
    change = {
        "email": "omar@ville.example",
        "permissions": ["edit_page"],
        "groups": [{"uid": "partners"}],
        "first_name": "Omar A.",
        "joined_at": "2030-01-01T00:00:00+00:00",
    }
    before = api.get("/users/omar/").json()
    answer = api.put("/users/omar/", json=change)
    assert answer.status_code == 200
    after = api.get("/users/omar/").json()
    assert answer.json() == after
    assert after["permissions"] == ["edit_page"]
    assert after["groups"] == [{"uid": "partners"}]
    assert after["first_name"] == "Omar A."
    assert after["last_name"] == "Haas"
    assert after["joined_at"] == before["joined_at"]


@pytest.mark.parametrize(
    "change",
    [
        {"permissions": ["fly"]},
        {"permissions": "edit_page"},
        {"permissions": [{}]},
        {"groups": [{"uid": "nowhere"}]},
        {"groups": ["partners"]},
    ],
)
def test_put_refuses_rights_that_do_not_exist(api: httpx.Client, change: dict[str, object]) -> None:
    before = api.get("/users/omar/").json()
    answer = api.put("/users/omar/", json=change)
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "validation_error"
    assert api.get("/users/omar/").json() == before


def test_put_for_nobody_is_not_found(api: httpx.Client) -> None:
    assert api.put("/users/nobody/", json={}).status_code == 404


def test_export_is_a_csv_with_group_titles_and_spaced_dates(api: httpx.Client) -> None:
    answer = api.get("/users/export/")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = {row["username"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    assert list(rows["nina"]) == [
        "username",
        "last_name",
        "first_name",
        "email",
        "date_joined",
        "last_seen",
        "groups",
        "permissions",
    ]
    assert rows["nina"]["groups"] == "Partenaires"
    assert rows["nina"]["date_joined"] == "2021-03-02 09:36:30.531746+00:00"
    assert rows["Zoé Müller+1%"]["last_seen"] == ""
    assert len(rows) == 6


def test_export_takes_another_delimiter_of_one_character(api: httpx.Client) -> None:
    answer = api.get("/users/export/", params={"delimiter": ";"})
    assert answer.text.startswith("username;last_name;")
    refused = api.get("/users/export/", params={"delimiter": "::"})
    assert refused.json()["error_code"] == "validation_error"
