"""Accounts that can be thought of: well-formed ones, broken ones, and the archetypes with something wrong with them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from accounts_review.rules.dormancy import KNOWN_PERMISSIONS
from accounts_review.rules.facts import Facts
from accounts_review.rules.policy import Segment
from tests.builders import ARCHETYPES, NOW, POLICY, make_policy

DATES = ("joined_at", "last_seen_at", "last_login_at")
LATEST = NOW + timedelta(days=1)
IS_THOROUGH = bool(os.environ.get("THOROUGH"))
"""Set by `make test-slow`."""

thoroughly = settings(max_examples=1_500 if IS_THOROUGH else 100, deadline=None)
"""How often a property is tried: fewer times where it has to be fast."""

AT_ONCE = 5
exhaustively = settings(max_examples=2_000 if IS_THOROUGH else 60, deadline=None)
"""The same for what a workspace can send, which comes ``AT_ONCE``: 10,000 payloads where it is thorough."""

instants = st.datetimes(datetime(2000, 1, 1), LATEST.replace(tzinfo=None), timezones=st.just(UTC))  # noqa: DTZ001
moments = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
written: list[Callable[[datetime], str]] = [
    datetime.isoformat,
    lambda instant: instant.isoformat(" "),
    lambda instant: instant.isoformat().replace("+00:00", "Z"),
    lambda instant: instant.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat(),
]
good_dates = st.builds(lambda instant, write: write(instant), instants, st.sampled_from(written))
bad_dates = st.one_of(
    st.sampled_from(["soon", "2024-02-30T08:00:00Z", "2024-04-05T08:00:00", " ", 0, False, True, 1.5, [], {}]),
    st.datetimes(datetime(1, 1, 1), datetime(1999, 12, 31), timezones=st.just(UTC)).map(datetime.isoformat),  # noqa: DTZ001
    st.timedeltas(timedelta(microseconds=1), timedelta(days=9000)).map(lambda late: (LATEST + late).isoformat()),
)
no_dates = st.sampled_from([None, ""])
dates = st.one_of(good_dates, good_dates, no_dates, bad_dates)

harmless = sorted(KNOWN_PERMISSIONS - POLICY.protect.permissions)
rights = st.sampled_from([*harmless, "edit_domain", "publish_dataset", "fly"])
uids = st.sampled_from(["readers", "partners", "team", "admins", "ghosts"])
policies = st.sampled_from(
    [
        POLICY,
        make_policy(usernames=("svc.*",), email_domains=frozenset({"town.example"})),
        make_policy(
            Segment(name="team", dormant_after_days=30, groups=("team",)),
            Segment(name="pilots", dormant_after_days=3000, permissions=("fly", "explore_monitoring")),
            Segment(name="sso", dormant_after_days=800, account_types=("local",), email_domains=("town.example",)),
            Segment(name="used", dormant_after_days=400, never_used=False),
            groups=frozenset({"team"}),
        ),
    ]
)


def lists_of(names: st.SearchStrategy[str], most: int) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(names, max_size=most, unique=True).map(lambda found: tuple(sorted(found)))


def accounts(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[Facts]:
    """Accounts with anything wrong or right with them, unless ``more`` says how they are."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "username": st.sampled_from(["ana", "svc.etl", "..", ""]) | st.text(max_size=10),
        "email": st.sampled_from(["ana@example.org", "x@town.example", ""]),
        "account_type": st.sampled_from(["global", "local", "", "martian"]),
        "is_vendor": st.booleans(),
        "is_key_owner": st.booleans(),
        **dict.fromkeys(DATES, dates),
        "read_at": st.just(NOW),
        "permissions": st.none() | lists_of(rights, 3),
        "groups": st.none() | lists_of(uids, 3),
        "rights_by_group": st.dictionaries(uids, st.none() | lists_of(rights, 3)),
        "incomplete": st.booleans(),
        "disputed": lists_of(rights, 1),
        "unlisted": lists_of(uids, 1),
    }
    return st.builds(Facts, **(fields | more))


def plain_accounts(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[Facts]:
    """Accounts against which nothing speaks but, perhaps, their dates."""
    plain: dict[str, st.SearchStrategy[Any]] = {
        "username": st.just("ana"),
        "email": st.just("ana@example.org"),
        "account_type": st.just("global"),
        "is_vendor": st.just(False),
        "is_key_owner": st.just(False),
        "permissions": lists_of(st.sampled_from(harmless), 2),
        "groups": lists_of(st.just("readers"), 1),
        "rights_by_group": st.just({"readers": ("explore_monitoring",)}),
        "incomplete": st.just(False),
        "disputed": st.just(()),
        "unlisted": st.just(()),
    }
    return accounts(**(plain | more))


# What a workspace can send


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(
        [
            *("x" * 100_000, "9" * 5000, "\x00", "\ud800", "\ufffd", "ana\x00@example.org", "\u202eana@example.org"),
            *("2024-04-06T08:00:00+00:00", "0001-01-01T00:00+14:00", "9999-12-31T23:59:59-14:00", "2024-04-06T24:00Z"),
            *(
                "ana@example.org",
                "a@b",
                "a@b,c@d",
                "edit_domain",
                "EDIT_DOMAIN",
                "portal-team",
                "Portal-Team",
                "..",
                "/",
            ),
        ]
    )
    | good_dates
    | bad_dates,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["uid", "permissions"]), inner),
    max_leaves=20,
)
GIVEN = [deepcopy(case["user"]) for case in ARCHETYPES["archetypes"]]
GROUPS: list[dict[str, Any]] = ARCHETYPES["groups"]
MEMBERS = sorted({name for user in GIVEN for name in user})


@st.composite
def archetypes_gone_wrong(draw: st.DrawFn) -> dict[str, Any]:
    """The record of an archetype, some of whose fields are missing, hold anything, or come from another archetype."""
    user: dict[str, Any] = dict(draw(st.sampled_from(GIVEN)))
    for name in draw(st.lists(st.sampled_from(MEMBERS), max_size=4, unique=True)):
        match draw(st.sampled_from(["missing", "anything", "another's", "wrapped", "as text"])):
            case "missing":
                user.pop(name, None)
            case "anything":
                user[name] = draw(dates if name in DATES and draw(st.booleans()) else anything)
            case "another's":
                user[name] = draw(st.sampled_from(GIVEN)).get(name)
            case "wrapped":
                user[name] = [user.get(name)]
            case "as text":
                user[name] = str(user.get(name))
    return user


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """One account as bytes on the wire: escaped or not, and now and then with a byte that is no UTF-8."""
    content = draw(archetypes_gone_wrong() | st.dictionaries(st.sampled_from(MEMBERS), anything))
    raw = json.dumps(content, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 19)) == 0:
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(st.binary(min_size=1, max_size=2)) + raw[at:]
    return raw


@st.composite
def group_lists(draw: st.DrawFn) -> list[bytes]:
    """What ``/groups/`` gives: the archetypes' groups, some of which are missing or not what they should be."""
    listed = []
    for group in GROUPS:
        fate = draw(st.sampled_from(["whole", "whole", "whole", "missing", "spoiled"]))
        if fate != "missing":
            spoiled = {draw(st.sampled_from(["uid", "title", "permissions"])): draw(anything)}
            listed.append(json.dumps(group | (spoiled if fate == "spoiled" else {})).encode())
    return listed
