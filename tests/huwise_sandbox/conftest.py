"""A small workspace with names one can remember, served on a free port."""

import ssl
from collections.abc import Iterator

import httpx
import pytest

from huwise_sandbox import population, records
from huwise_sandbox.records import Record, Snapshot
from huwise_sandbox.server import SandboxServer
from huwise_sandbox.site import SandboxSite

KEY = "test-key"
LONG_AGO = "2021-03-02T09:36:30.531746+00:00"
RECENTLY = "2026-06-13T15:20:11.099404+00:00"


def small_workspace() -> Snapshot:
    """Six people, three groups, a robot's key and the service user's."""

    def member(username: str, first: str, last: str, **fields: object) -> Record:
        dates = {"joined_at": LONG_AGO, "last_seen_at": LONG_AGO}
        email = f"{username}@ville.example"
        plain = {"first_name": first, "last_name": last} | dates
        return records.user(username, email, **(plain | fields))

    users = [
        member("svc.cleanup", "svc", "Cleanup", permissions=["edit_domain"]),
        member("claire", "Claire", "Vidal", groups=[{"uid": "portal-team"}]),
        member("nina", "Nina", "Morvan", groups=[{"uid": "partners"}]),
        member("louise", "Louise", "Aubry", last_seen_at=RECENTLY),
        member("omar", "Omar", "Haas", permissions=["edit_dataset"]),
        member("Zoé Müller+1%", "Zoé", "Müller", last_seen_at=None),
    ]
    groups = [
        records.group("portal-team", "Équipe portail", ["edit_domain"]),
        records.group("partners", "Partenaires", ["explore_restricted_dataset"]),
        records.group("empty", "Personne", []),
    ]
    keys = [records.api_key("ak_omar", "omar", "omar-key", permissions=["edit_domain"])]
    snapshot = Snapshot(users, groups, keys)
    population.grant_service_key(snapshot, KEY)
    return snapshot


@pytest.fixture(scope="session")
def tls() -> ssl.SSLContext:
    """Loading the certificates takes longer than most tests here."""
    return ssl.create_default_context()


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxSite(small_workspace())) as running:
        yield running


@pytest.fixture
def api(server: SandboxServer, tls: ssl.SSLContext) -> Iterator[httpx.Client]:
    """A client of the Automation API, with the service user's key."""
    with httpx.Client(
        base_url=f"{server.url}/api/automation/v1.0",
        headers={"Authorization": f"Apikey {KEY}"},
        verify=tls,
        timeout=5,
    ) as client:
        yield client


@pytest.fixture
def control(server: SandboxServer, tls: ssl.SSLContext) -> Iterator[httpx.Client]:
    """A client of the control plane."""
    with httpx.Client(base_url=f"{server.url}/_sandbox", verify=tls) as client:
        yield client
