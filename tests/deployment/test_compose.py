"""The compose file is one: it follows the specification, waits for health, and holds no secret."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docker-compose.yml").read_text()
EVERY_DAY = ("db", "migrate", "web", "worker")


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """The services, as a reader of the compose specification understands them."""
    found: dict[str, dict[str, Any]] = read(TEXT).to_dict()["services"]
    return found


def read(text: str) -> PyCompose:
    """Read a compose file; YAML's merge keys are resolved first, as every implementation does."""
    return PyCompose.from_json(json.dumps(yaml.safe_load(text)))


def test_it_names_the_four_services_and_the_sandbox_as_a_profile(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == {*EVERY_DAY, "sandbox"}
    assert services["sandbox"]["profiles"] == ["sandbox"]
    assert not any("profiles" in services[name] for name in EVERY_DAY)


def test_a_file_that_breaks_the_specification_is_refused() -> None:
    with pytest.raises(ValueError, match="helth"):
        read(TEXT.replace("healthcheck:", "helthcheck:", 1))


@pytest.mark.parametrize("name", ["web", "worker"])
def test_web_and_worker_wait_for_a_healthy_database_and_a_finished_migration(
    name: str, services: dict[str, dict[str, Any]]
) -> None:
    conditions = {other: wait["condition"] for other, wait in services[name]["depends_on"].items()}
    assert conditions == {"db": "service_healthy", "migrate": "service_completed_successfully"}
    assert "test" in services["db"]["healthcheck"]


def test_secrets_are_required_from_the_environment_and_stand_nowhere_in_the_file() -> None:
    for secret in ("POSTGRES_PASSWORD", "SECRET_KEY", "HUWISE_API_KEY", "EMAIL_URL"):
        values = re.findall(rf"^\s+{secret}: (.*)$", TEXT, flags=re.MULTILINE)
        assert values
        assert all(value.startswith("${" + secret + ":?") for value in values)


def test_the_portal_is_published_on_the_loopback_address_only(services: dict[str, dict[str, Any]]) -> None:
    published = [str(port) for service in services.values() for port in service.get("ports", [])]
    assert len(published) == 1
    assert "127.0.0.1" in published[0]
