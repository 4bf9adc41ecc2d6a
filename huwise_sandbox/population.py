"""A whole workspace: drawn from a seed, or read from a fixtures file."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from . import oddities, ordinary
from .maker import Maker
from .records import Record, Snapshot, api_key, group, instant, own_permissions, user

SERVICE_USER = "svc.cleanup"
SERVICE_KEY_UID = "ak_cleanup"

Kind = Callable[[Maker], Record]


def generate(*, accounts: int, seed: int, as_of: datetime) -> Snapshot:
    """Draw a workspace of exactly ``accounts`` users.

    The same three arguments give the same workspace. The service user is always in
    it; from 100 accounts on, so is at least one account of every kind.
    """
    maker = Maker(seed, as_of)
    users = [record for _, record in inhabitants(maker, accounts)]
    return Snapshot(users, _groups(as_of), maker.keys, service_user=SERVICE_USER)


def inhabitants(maker: Maker, accounts: int) -> list[tuple[str, Record]]:
    """Draw the people, each with the name of the kind they were drawn from."""
    founders = [("founder", _service_user(maker)), ("founder", _founder(maker))]
    kinds = _draw_kinds(maker, accounts - len(founders))
    people = founders + [(kind.__name__, kind(maker)) for kind in kinds]
    people = people[:accounts]
    maker.rng.shuffle(people)
    return people


def from_fixtures(path: Path) -> Snapshot:
    """Serve exactly the users and groups of an ``archetypes.json``-like file.

    The key belongs to the archetype whose context says ``is_caller``, else to the
    first direct holder of ``edit_domain``, else to a service user who is no member.
    """
    data = json.loads(path.read_text(encoding="utf-8"))
    archetypes = data["archetypes"]
    users: list[Record] = [archetype["user"] for archetype in archetypes]
    callers = [
        archetype["user"]["username"] for archetype in archetypes if archetype.get("context", {}).get("is_caller")
    ]
    admins = [u["username"] for u in users if "edit_domain" in own_permissions(u)]
    owner = next(iter(callers + admins), SERVICE_USER)
    return Snapshot(users, data["groups"], service_user=owner)


def grant_service_key(snapshot: Snapshot, key: str) -> None:
    """Make ``key`` the service user's key, in place of one it had before."""
    snapshot.keys = [k for k in snapshot.keys if k["uid"] != SERVICE_KEY_UID]
    snapshot.keys.append(
        api_key(
            SERVICE_KEY_UID,
            snapshot.service_user,
            key,
            label="Cleanup Portal",
            permissions=["edit_domain"],
        )
    )


def _draw_kinds(maker: Maker, accounts: int) -> list[Kind]:
    """One of each kind, ordinary ones first, then by their share of the whole."""
    shares = ordinary.SHARES | oddities.SHARES
    kinds = list(shares)
    rest = max(0, accounts - len(kinds))
    drawn = maker.rng.choices(kinds, list(shares.values()), k=rest)
    return (kinds + drawn)[: max(0, accounts)]


def _service_user(maker: Maker) -> Record:
    username = maker.unique(SERVICE_USER)
    return user(
        username,
        f"{username}@robots.example",
        first_name="svc",
        last_name="Cleanup Portal",
        permissions=["edit_domain"],
        joined_at=maker.ago(150),
        last_seen_at=maker.ago(0.02),
    )


def _founder(maker: Maker) -> Record:
    username = maker.unique("claire.admin")
    return user(
        username,
        f"{username}@ville.example",
        first_name="Claire",
        last_name="Lantier",
        permissions=["edit_domain", "explore_monitoring"],
        **maker.seen(0.2, login_lag=4),
    )


def _groups(as_of: datetime) -> list[Record]:
    producers = ["create_dataset", "edit_dataset", "publish_dataset"]
    restricted = ["explore_restricted_dataset"]
    administrators = ["edit_domain", "manage_subdomains", *producers, "manage_dataset"]
    rights: list[tuple[str, str, list[str]]] = [
        ("portal-team", "Équipe portail", ["edit_domain"]),
        ("domain-administrators", "Domain administrators", administrators),
        ("data_producers", "Producteurs de données", producers),
        ("readers", "Lecteurs; données internes", restricted),
        ("partners", "Partenaires", restricted),
        ("network-managers", "Portails secondaires", ["manage_subdomains"]),
        ("glossary-owners", "Glossaire", ["manage_glossary"]),
        ("admins", "Anciens admins (lettre)", []),
        ("openid-connect-users", "OpenID Connect users", []),
    ]
    return [
        group(
            uid,
            title,
            permissions,
            created_at=instant(as_of - timedelta(days=1500 + 3 * place)),
            updated_at=instant(as_of - timedelta(days=100 + 7 * place)),
        )
        for place, (uid, title, permissions) in enumerate(rights)
    ]
