"""The kinds of account every workspace is full of, and how many there are of each."""

from collections.abc import Callable

from .maker import Maker
from .records import Record

YEAR = 365.25


def active_daily(m: Maker) -> Record:
    return m.somebody(**m.seen(m.rng.uniform(0.04, 3), login_lag=m.rng.uniform(0, 12)))


def active_now_and_then(m: Maker) -> Record:
    return m.somebody(**m.seen(m.rng.uniform(3, 150), login_lag=m.rng.uniform(0, 10)))


def yearly_user(m: Maker) -> Record:
    return m.somebody(**m.seen(m.rng.uniform(150, 360)))


def second_year(m: Maker) -> Record:
    return m.somebody(**m.seen(m.rng.uniform(366, 729)))


def long_gone(m: Maker) -> Record:
    return m.somebody(**m.seen(m.rng.triangular(731, 6 * YEAR, 800)))


def long_gone_partner(m: Maker) -> Record:
    """Dormant access to restricted data: the case security cares about most."""
    dates = m.seen(m.rng.uniform(731, 4 * YEAR))
    return m.person(**dates, groups=[{"uid": "partners"}])


def long_gone_restricted_reader(m: Maker) -> Record:
    dates = m.seen(m.rng.uniform(731, 4 * YEAR))
    return m.person(**dates, permissions=["explore_restricted_dataset"])


def rolling_session(m: Maker) -> Record:
    """Sessions renew themselves: a daily user can have a very old login."""
    dates = m.seen(m.rng.uniform(0.1, 10), login_lag=m.rng.uniform(400, 1200))
    return m.somebody(**dates)


def joined_lately_with_an_old_login(m: Maker) -> Record:
    """An old global account that became a member here a moment ago."""
    old = m.rng.uniform(700, 1500)
    dates = {
        "joined_at": m.ago(m.rng.uniform(1, 80)),
        "last_seen_at": m.ago(old),
        "last_login_at": m.ago(old + 1),
    }
    return m.person(**dates)


def _invited(m: Maker, days: float) -> Record:
    return m.person(first_name="", last_name="", is_active=False, joined_at=m.ago(days))


def invited_lately(m: Maker) -> Record:
    return _invited(m, m.rng.uniform(0.2, 85))


def invitation_lapsed(m: Maker) -> Record:
    return _invited(m, m.rng.triangular(91, 5 * YEAR, 120))


def invitation_lapsed_without_keys(m: Maker) -> Record:
    """The published schema has no null dates, so some answers leave them out."""
    record = _invited(m, m.rng.uniform(91, 3 * YEAR))
    del record["last_seen_at"], record["last_login_at"]
    return record


def username_is_the_email(m: Maker) -> Record:
    record = m.person(**m.seen(m.rng.uniform(1, 4 * YEAR)), **m.single_sign_on())
    return record | {"username": m.unique(record["email"])}


def plus_address(m: Maker) -> Record:
    record = m.person(**m.seen(m.rng.uniform(300, 4 * YEAR)))
    local, _, domain = record["email"].partition("@")
    address = m.unique(f"{local}+data@{domain}")
    return record | {"username": address, "email": address}


def producer(m: Maker) -> Record:
    dates = m.seen(m.rng.uniform(0.1, 200))
    return m.person(**dates, groups=[{"uid": "data_producers"}])


def producer_long_gone(m: Maker) -> Record:
    dates = m.seen(m.rng.uniform(731, 4 * YEAR))
    return m.person(**dates, groups=[{"uid": "data_producers"}])


def publisher_by_own_right(m: Maker) -> Record:
    dates = m.seen(m.rng.uniform(731, 4 * YEAR))
    return m.person(**dates, permissions=["edit_dataset", "publish_dataset"])


def portal_team(m: Maker) -> Record:
    dates = m.seen(m.rng.uniform(0.05, 20))
    return m.person(**dates, groups=[{"uid": "portal-team"}])


def portal_team_long_gone(m: Maker) -> Record:
    """An administrator only through a group with an ordinary name."""
    dates = m.seen(m.rng.uniform(731, 4 * YEAR))
    return m.person(**dates, groups=[{"uid": "portal-team"}])


def old_admins_letter(m: Maker) -> Record:
    """In a group called ``admins`` that gives no right at all."""
    dates = m.seen(m.rng.uniform(200, 5 * YEAR))
    return m.person(**dates, groups=[{"uid": "admins"}])


def temporary_access_open(m: Maker) -> Record:
    dates = m.seen(m.rng.uniform(20, 100))
    return m.person(**dates, expires_at=m.ago(-m.rng.uniform(10, 120)))


def temporary_access_over(m: Maker) -> Record:
    dates = m.seen(m.rng.uniform(80, 3 * YEAR))
    return m.person(**dates, expires_at=m.ago(m.rng.uniform(1, 70)))


# How many of a thousand. Every kind appears at least once in a hundred accounts.
SHARES: dict[Callable[[Maker], Record], float] = {
    active_daily: 190,
    active_now_and_then: 180,
    yearly_user: 95,
    second_year: 110,
    long_gone: 175,
    long_gone_partner: 35,
    long_gone_restricted_reader: 12,
    rolling_session: 14,
    joined_lately_with_an_old_login: 8,
    invited_lately: 18,
    invitation_lapsed: 60,
    invitation_lapsed_without_keys: 9,
    username_is_the_email: 22,
    plus_address: 6,
    producer: 16,
    producer_long_gone: 9,
    publisher_by_own_right: 4,
    portal_team: 2,
    portal_team_long_gone: 2,
    old_admins_letter: 12,
    temporary_access_open: 3,
    temporary_access_over: 5,
}
