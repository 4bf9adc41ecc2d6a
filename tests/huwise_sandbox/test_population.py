"""What a drawn workspace promises."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from huwise_sandbox import oddities, ordinary, population
from huwise_sandbox.maker import Maker
from huwise_sandbox.records import Record, Snapshot, group_uids
from huwise_sandbox.workspace import SandboxWorkspace

AS_OF = datetime(2026, 6, 15, 8, tzinfo=UTC)
KINDS = {kind.__name__ for kind in ordinary.SHARES | oddities.SHARES}


def draw(accounts: int, seed: int = 7, as_of: datetime = AS_OF) -> Snapshot:
    return population.generate(accounts=accounts, seed=seed, as_of=as_of)


@pytest.fixture(scope="module")
def drawn() -> Snapshot:
    return draw(3000)


@pytest.fixture(scope="module")
def by_kind() -> dict[str, list[Record]]:
    kinds: dict[str, list[Record]] = {}
    for kind, record in population.inhabitants(Maker(7, AS_OF), 3000):
        kinds.setdefault(kind, []).append(record)
    return kinds


def test_the_same_arguments_draw_the_same_workspace() -> None:
    assert draw(300) == draw(300)


def test_another_seed_or_present_draws_another() -> None:
    assert draw(300) != draw(300, seed=8)
    assert draw(300) != draw(300, as_of=AS_OF + timedelta(days=1))


@pytest.mark.parametrize("accounts", [0, 1, 2, 10, 57, 100, 1234])
def test_there_are_as_many_accounts_as_asked_for(accounts: int) -> None:
    usernames = [user["username"] for user in draw(accounts).users]
    assert len(usernames) == len(set(usernames)) == accounts
    assert ("svc.cleanup" in usernames) == (accounts > 0)


def test_a_hundred_accounts_have_every_kind() -> None:
    kinds = Counter(kind for kind, _ in population.inhabitants(Maker(3, AS_OF), 100))
    assert set(kinds) == KINDS | {"founder"}


def test_most_people_are_ordinary(by_kind: dict[str, list[Record]]) -> None:
    odd = sum(len(by_kind[kind.__name__]) for kind in oddities.SHARES)
    assert odd < 3000 * 0.04


def test_idleness_goes_from_a_day_to_six_years(
    by_kind: dict[str, list[Record]],
) -> None:
    kinds = [kind.__name__ for kind in ordinary.SHARES]
    seen = sorted(
        AS_OF - datetime.fromisoformat(user["last_seen_at"])
        for kind in kinds
        for user in by_kind[kind]
        if user.get("last_seen_at")
    )
    assert seen[0] < timedelta(days=1)
    assert timedelta(days=5 * 365) < seen[-1] <= timedelta(days=6 * 366)
    dormant = [idle for idle in seen if idle > timedelta(days=730)]
    assert 0.15 < len(dormant) / len(seen) < 0.4


def test_nobody_ordinary_was_seen_before_they_joined_or_logged_in(
    by_kind: dict[str, list[Record]],
) -> None:
    for kind in ("active_daily", "long_gone", "rolling_session", "producer"):
        for user in by_kind[kind]:
            dates = [user["joined_at"], user["last_login_at"], user["last_seen_at"]]
            assert dates == sorted(dates, key=datetime.fromisoformat)


def test_invitations_were_never_used_and_are_of_all_ages(
    by_kind: dict[str, list[Record]],
) -> None:
    lapsed = by_kind["invitation_lapsed"]
    assert all(user["last_seen_at"] is None for user in lapsed)
    assert not any(user["is_active"] for user in lapsed)
    ages = [AS_OF - datetime.fromisoformat(user["joined_at"]) for user in lapsed]
    assert min(ages) < timedelta(days=180) < timedelta(days=1000) < max(ages)


def test_the_groups_are_those_of_an_ordinary_portal(drawn: Snapshot) -> None:
    groups = {group["uid"]: group for group in SandboxWorkspace(drawn).groups()}
    assert groups["portal-team"]["permissions"] == ["edit_domain"]
    assert groups["admins"]["permissions"] == []
    assert groups["admins"]["user_count"] > 0
    largest = max(groups.values(), key=lambda group: group["user_count"])
    assert largest["uid"] == "openid-connect-users"
    listed = {uid for user in drawn.users for uid in group_uids(user)}
    assert listed - set(groups) == {"ghost-group"}


def test_administrators_are_direct_and_through_groups(drawn: Snapshot) -> None:
    administrators = SandboxWorkspace(drawn).administrators()
    direct = [u for u in administrators if "edit_domain" in (u["permissions"] or [])]
    assert 2 <= len(direct) < len(administrators) < 60


def test_hostile_usernames_are_there(by_kind: dict[str, list[Record]]) -> None:
    def first(kind: str) -> str:
        return str(by_kind[kind][0]["username"])

    assert "%" in first("username_with_a_percent_sign")
    assert "+" in first("username_with_a_plus_sign")
    assert " " in first("username_with_space_and_accents")
    assert not first("username_with_space_and_accents").isascii()
    assert "/" in first("username_with_a_slash")
    assert first("username_that_is_a_route") == "export"
    assert first("username_of_two_dots") == ".."
    assert len(first("very_long_username")) == 150


def test_odd_dates_are_there(by_kind: dict[str, list[Record]]) -> None:
    def last_seen(kind: str) -> str:
        return str(by_kind[kind][0]["last_seen_at"])

    with pytest.raises(ValueError, match="Invalid isoformat"):
        datetime.fromisoformat(last_seen("date_unparsable"))
    naive = datetime.fromisoformat(last_seen("date_without_an_offset"))
    assert naive.tzinfo is None
    assert datetime.fromisoformat(last_seen("date_in_the_future")) > AS_OF
    assert by_kind["date_of_year_one"][0]["last_login_at"].startswith("0001-")
    assert by_kind["dates_empty"][0]["joined_at"] == ""
    assert "joined_at" not in by_kind["dates_absent"][0]
    assert by_kind["dates_null"][0]["joined_at"] is None


def test_robots_own_keys(drawn: Snapshot, by_kind: dict[str, list[Record]]) -> None:
    owners = {key["user"]["username"] for key in drawn.keys}
    robots = by_kind["robot_gone_quiet"] + by_kind["robot_seen_lately"]
    assert owners == {robot["username"] for robot in robots}


def test_all_addresses_are_in_domains_that_cannot_exist(drawn: Snapshot) -> None:
    domains = {user["email"].rpartition("@")[2] for user in drawn.users if user["email"]}
    assert all(domain.endswith((".example", "example.org")) for domain in domains)
