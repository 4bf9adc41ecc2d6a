"""The kinds of account that break careless clients, and how many there are of each."""

from collections.abc import Callable
from datetime import timedelta

from .maker import Maker
from .records import Record, instant

OLD = (750.0, 1500.0)
LONGEST_USERNAME = 150


def _dormant(m: Maker, **fields: object) -> Record:
    return m.person(**(m.seen(m.rng.uniform(*OLD)) | fields))


def _renamed(m: Maker, username: str) -> Record:
    """Return somebody dormant under a username that needs care in a URL."""
    name = m.unique(username)
    return _dormant(m, username=name, display_name=name)


# Rights


def administrator_by_own_right(m: Maker) -> Record:
    return _dormant(m, permissions=["edit_domain"])


def administrator_as_in_the_vendors_sample(m: Maker) -> Record:
    """In an administrators' group, with own permissions that do not show it."""
    own = [
        "create_dataset",
        "edit_dataset",
        "explore_restricted_dataset",
        "manage_dataset",
        "publish_dataset",
    ]
    return _dormant(m, permissions=own, groups=[{"uid": "domain-administrators"}])


def administrator_whose_access_ran_out(m: Maker) -> Record:
    past = m.ago(m.rng.uniform(5, 300))
    return _dormant(m, permissions=["edit_domain"], expires_at=past)


def manager_of_secondary_workspaces(m: Maker) -> Record:
    return _dormant(m, groups=[{"uid": "network-managers"}])


def glossary_owner(m: Maker) -> Record:
    """Holds a permission that the published contract lacks."""
    return _dormant(m, groups=[{"uid": "glossary-owners"}])


def holder_of_an_unheard_of_permission(m: Maker) -> Record:
    return _dormant(m, permissions=["curate_storyboards"])


def member_of_an_unlisted_group(m: Maker) -> Record:
    return _dormant(m, groups=[{"uid": "ghost-group"}])


def permissions_null(m: Maker) -> Record:
    return _dormant(m, permissions=None)


def groups_null(m: Maker) -> Record:
    return _dormant(m, groups=None)


def groups_absent(m: Maker) -> Record:
    record = _dormant(m)
    del record["groups"]
    return record


def vendor_staff(m: Maker) -> Record:
    record = _dormant(m, is_ods=True)
    return record | {"email": f"{record['username']}@vendor.example"}


def robot_seen_lately(m: Maker) -> Record:
    dates = {"joined_at": m.ago(900), "last_seen_at": m.ago(0.5)}
    record = m.robot(**dates, permissions=["edit_dataset"])
    m.give_key(record["username"], ["edit_dataset"])
    return record


def robot_gone_quiet(m: Maker) -> Record:
    """Owns a key behind a data feed: deleting the account kills the feed."""
    dates = {"joined_at": m.ago(1400), "last_seen_at": m.ago(m.rng.uniform(*OLD))}
    record = m.robot(**dates)
    m.give_key(record["username"], ["explore_restricted_dataset"])
    return record


# Names


def username_with_a_percent_sign(m: Maker) -> Record:
    return _renamed(m, f"100%41 {m.rng.randrange(100, 999)}%")


def username_with_a_plus_sign(m: Maker) -> Record:
    return _renamed(m, f"c++{m.rng.randrange(100, 999)}")


def username_with_space_and_accents(m: Maker) -> Record:
    first, last = m.full_name()
    return _renamed(m, f"{first} Müller-{last}")


def username_with_a_slash(m: Maker) -> Record:
    return _renamed(m, f"dsi/{m.full_name()[0].lower()}")


def username_that_is_a_route(m: Maker) -> Record:
    return _dormant(m, username="export", display_name="export")


def username_of_two_dots(m: Maker) -> Record:
    return _dormant(m, username="..", display_name="..")


def username_with_url_signs(m: Maker) -> Record:
    return _renamed(m, f"who?me#{m.rng.randrange(100, 999)}&you")


def very_long_username(m: Maker) -> Record:
    stem = f"{m.rng.randrange(1000, 9999)}-departement-de-la-donnee-"
    return _renamed(m, (stem * 8)[:LONGEST_USERNAME])


def spreadsheet_formula_as_a_name(m: Maker) -> Record:
    first = '=HYPERLINK("http://evil.example","click")'
    return _dormant(m, first_name=first, last_name="@SUM(1)", display_name="=1+1")


def html_as_a_name(m: Maker) -> Record:
    return _dormant(m, first_name="<script>alert(1)</script>", last_name='"><b>x')


def right_to_left_name(m: Maker) -> Record:
    return _dormant(m, first_name="ليلى", last_name="الخوري", display_name="ليلى الخوري")


def email_null(m: Maker) -> Record:
    return _dormant(m, email=None)


# Dates


def dates_absent(m: Maker) -> Record:
    record = m.person()
    del record["joined_at"], record["last_seen_at"], record["last_login_at"]
    return record


def dates_null(m: Maker) -> Record:
    return m.person()


def dates_empty(m: Maker) -> Record:
    return m.person(joined_at="", last_seen_at="", last_login_at="")


def date_unparsable(m: Maker) -> Record:
    return _dormant(m, last_seen_at="31/12/2019 à midi")


def date_without_an_offset(m: Maker) -> Record:
    record = _dormant(m)
    return record | {"last_seen_at": record["last_seen_at"].removesuffix("+00:00")}


def date_in_the_future(m: Maker) -> Record:
    return _dormant(m, last_seen_at=m.ago(-400))


def date_of_year_one(m: Maker) -> Record:
    return _dormant(m, last_login_at="0001-01-01T00:00:00+00:00")


def dates_in_other_forms(m: Maker) -> Record:
    """The same calendar, written the ways that this family of APIs was seen to."""
    idle = m.as_of - timedelta(days=m.rng.randrange(800, 1500))
    whole = instant(idle.replace(microsecond=0)).removesuffix("+00:00")
    early = instant(idle.replace(microsecond=0) - timedelta(days=300))
    return m.person(
        joined_at=early.replace("T", " "),
        last_seen_at=f"{whole}.5+02:00",
        last_login_at=f"{whole}Z",
    )


# How many of a thousand, on top of the one that every population of a hundred has;
# 0 where there can only be one.
SHARES: dict[Callable[[Maker], Record], float] = {
    administrator_by_own_right: 0.6,
    administrator_as_in_the_vendors_sample: 0.4,
    administrator_whose_access_ran_out: 0.2,
    manager_of_secondary_workspaces: 0.2,
    glossary_owner: 0.3,
    holder_of_an_unheard_of_permission: 0.2,
    member_of_an_unlisted_group: 0.3,
    permissions_null: 0.2,
    groups_null: 0.2,
    groups_absent: 0.2,
    vendor_staff: 0.8,
    robot_seen_lately: 1,
    robot_gone_quiet: 1,
    username_with_a_percent_sign: 0.2,
    username_with_a_plus_sign: 0.3,
    username_with_space_and_accents: 0.6,
    username_with_a_slash: 0.2,
    username_that_is_a_route: 0,
    username_of_two_dots: 0,
    username_with_url_signs: 0.2,
    very_long_username: 0.1,
    spreadsheet_formula_as_a_name: 0.2,
    html_as_a_name: 0.2,
    right_to_left_name: 0.4,
    email_null: 0.6,
    dates_absent: 0.3,
    dates_null: 0.3,
    dates_empty: 0.2,
    date_unparsable: 0.2,
    date_without_an_offset: 0.3,
    date_in_the_future: 0.2,
    date_of_year_one: 0.2,
    dates_in_other_forms: 0.5,
}
