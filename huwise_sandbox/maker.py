"""The tools with which one inhabitant is made."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from . import names
from .records import Record, api_key, instant, user

SHARE_WITH_SSO = 0.28
SHARE_READERS = 0.12
SHARE_PARTNERS = 0.06


class Maker:
    """Makes people: draws names, dates and groups from one seeded source.

    The same ``seed`` and ``as_of`` give the same people in the same order.
    """

    def __init__(self, seed: int, as_of: datetime) -> None:
        # Not a secret: a test must be able to draw the same workspace again.
        self.rng = random.Random(seed)
        self.as_of = as_of
        self.keys: list[Record] = []
        self._taken: dict[str, int] = {}
        self._domains = tuple(names.EMAIL_DOMAINS)
        self._domain_weights = tuple(names.EMAIL_DOMAINS.values())

    def ago(self, days: float) -> str:
        """Return the instant ``days`` before the workspace's present."""
        micros = self.rng.randrange(1_000_000)
        return instant(self.as_of - timedelta(days=days, microseconds=micros))

    def unique(self, wish: str) -> str:
        """Return ``wish``, or ``wish`` with a number where it is taken."""
        count = self._taken.get(wish, 0) + 1
        self._taken[wish] = count
        return wish if count == 1 else self.unique(f"{wish}{count}")

    def full_name(self) -> tuple[str, str]:
        first = self.rng.choice(names.FIRST_NAMES)
        return first, self.rng.choice(names.LAST_NAMES).replace("-", " ")

    def email(self, local: str) -> str:
        (domain,) = self.rng.choices(self._domains, self._domain_weights)
        return f"{local}@{domain}"

    def seen(self, idle: float, *, login_lag: float = 0) -> Record:
        """Return the three dates of somebody last seen ``idle`` days ago.

        They logged in ``login_lag`` days before that, and joined earlier still.
        """
        joined = idle + login_lag + self.rng.uniform(1, 1500)
        return {
            "joined_at": self.ago(joined),
            "last_seen_at": self.ago(idle),
            "last_login_at": self.ago(idle + login_lag + self.rng.uniform(0.01, 0.3)),
        }

    def person(self, **fields: object) -> Record:
        """Return somebody with an ordinary name; ``fields`` say what is special."""
        first, last = self.full_name()
        slugs = names.ascii_slug(first), names.ascii_slug(last)
        local = self.unique(self._username(*slugs))
        record = user(local, self.email(local), first_name=first, last_name=last)
        record.update(fields)
        return record

    def somebody(self, **fields: object) -> Record:
        """Return an ordinary person with the harmless groups ordinary people have."""
        return self.person(**(self._everyday_groups() | fields))

    def robot(self, **fields: object) -> Record:
        """Return a service account: an ordinary user in the eyes of the platform."""
        topic = self.rng.choice(names.TOPICS)
        username = self.unique(f"svc.{topic}")
        email = f"{username}@robots.example"
        return user(username, email, first_name="svc", last_name=topic) | fields

    def give_key(self, owner: str, permissions: list[str]) -> None:
        """Give ``owner`` an API key, which dies with their membership."""
        uid = self.unique(f"ak_{self.rng.randrange(36**6):06x}")
        secret = f"{self.rng.getrandbits(224):056x}"
        self.keys.append(api_key(uid, owner, secret, permissions=permissions))

    def _username(self, first: str, last: str) -> str:
        forms: tuple[Callable[[], str], ...] = (
            lambda: f"{first}.{last}",
            lambda: f"{first}.{last}",
            lambda: f"{first[0]}{last}",
            lambda: f"{first}-{last}",
        )
        return self.rng.choice(forms)()

    def _everyday_groups(self) -> Record:
        draw = self.rng.random()
        if draw < SHARE_WITH_SSO:
            return self.single_sign_on()
        if draw < SHARE_WITH_SSO + SHARE_READERS:
            return {"groups": [{"uid": "readers"}]}
        if draw < SHARE_WITH_SSO + SHARE_READERS + SHARE_PARTNERS:
            return {"groups": [{"uid": "partners"}]}
        return {}

    def single_sign_on(self) -> Record:
        """Return what marks somebody who comes in through the city's own login."""
        linked = self.rng.random() < 0.3
        providers = [{"uid": "openid-connect"}]
        return {
            "account_type": "linked" if linked else "local",
            "identity_providers": [{"uid": "opendatasoft"}] * linked + providers,
            "groups": [{"uid": "openid-connect-users"}],
        }
