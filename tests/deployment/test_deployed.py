"""The deployed form, for real: the image is built, compose runs it, and a portal lives as the manual says."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from accounts_review.management.supervisor import free_port
from tests.deployment.engine import Engine, NoEngineError, engine
from tests.deployment.manual import checkout, commands

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow(reason="makes base images from packages, builds the image, and runs a portal in containers"),
]

PASSWORD = "a/b?c%d@e:f#g&h"
"""Of the database: no address holds it as it is."""

ANSWERS = {
    "SECRET_KEY": "of-this-test-only-" * 4,
    "POSTGRES_PASSWORD": f"'{PASSWORD}'",
    "HUWISE_URL": "http://sandbox:8055",
    "HUWISE_API_KEY": "",
    "EMAIL_URL": "filemail:///tmp/mail",
}
POLICY = """
[[segment]]
name = "everyone"
dormant_after_days = 365
[protect]
permissions = ["edit_domain"]
[notice]
days = 0
[launch]
wait_hours = 0
"""
SECONDS = 900


@dataclass(frozen=True, slots=True)
class Host:
    """A host with an engine and a checkout, and somebody who types what the manual says."""

    engine: Engine
    folder: Path

    def follow(self, section: str) -> None:
        """Run the commands of a section of the manual."""
        for line in commands()[section]:
            self.type(line)

    def type(self, line: str, *, stdin: str = "") -> str:
        """Run a line in the shell. Compose is the one that is here, and nobody sits at a terminal."""
        line = re.sub(r"docker compose (exec|run --rm) (?!-T )", r"docker compose \1 -T ", line)
        line = line.replace("docker compose", "docker-compose")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=self.folder,
            env=self.engine.env,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=1200,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}\n{self.logs()}"
        return done.stdout

    def manage(self, words: str, *, stdin: str = "") -> str:
        return self.type(f"docker compose exec worker python manage.py {words}", stdin=stdin)

    def logs(self) -> str:
        words = ["docker-compose", "logs", "--no-color", "--tail", "30"]
        return subprocess.run(
            words, cwd=self.folder, env=self.engine.env, capture_output=True, text=True, check=False
        ).stdout

    def containers(self, service: str) -> list[dict[str, dict[str, object]]]:
        """What the engine knows of a service's containers, those that have ended among them."""
        label = f"label=com.docker.compose.service={service}"
        ids = self.engine.run("docker", "ps", "--all", "--quiet", "--filter", label).split()
        found: list[dict[str, dict[str, object]]] = (
            json.loads(self.engine.run("docker", "inspect", *ids)) if ids else []
        )
        return found

    def is_healthy(self, service: str, number: int) -> bool:
        health = [container["State"].get("Health") for container in self.containers(service)]
        return [each["Status"] for each in health if isinstance(each, dict)] == ["healthy"] * number


def wait_for(condition: Callable[[], bool], host: Host) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, host.logs()
        time.sleep(1)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    try:
        with engine() as running:
            yield Host(running, checkout(tmp_path_factory.mktemp("host")))
    except NoEngineError as why:
        pytest.skip(f"No container engine can be had here: {why}.")


def test_a_portal_lives_as_the_manual_says(host: Host, tmp_path: Path) -> None:
    install(host)
    it_holds_neither_sandbox_nor_database_nor_secret(host)
    a_first_administrator_signs_up(host)
    two_workers_share_a_clean_up(host)
    what_was_backed_up_comes_back(host)
    a_backup_comes_back_on_a_new_host(host, tmp_path)
    it_is_upgraded_and_its_keys_are_rotated(host)
    it_stops_in_order_and_leaves_nothing(host)


def install(host: Host) -> None:
    first, *then = commands()["Install with compose"]
    host.type(first)
    fill_in(host, ANSWERS | {"PORTAL_PORT": str(free_port(8950)), "HUWISE_API_KEY_FILE": "/run/secrets/key"})
    (host.folder / "secrets").mkdir()
    (host.folder / "secrets/key").write_text("sandbox-key\n")
    for line in then:
        host.type(line)
    host.follow("Try it with a sample workspace")
    host.follow("Several hosts")
    wait_for(lambda: host.is_healthy("web", 1) and host.is_healthy("worker", 2) and host.is_healthy("db", 1), host)


def fill_in(host: Host, answers: dict[str, str]) -> None:
    """Edit ``.env``: each answer on the line that names it, or at the end."""
    path = host.folder / ".env"
    lines = path.read_text().splitlines()
    for name, value in answers.items():
        lines = [line for line in lines if not re.match(rf"(# )?{name}=", line)] + [f"{name}={value}"]
    path.write_text("\n".join(lines) + "\n")


def it_holds_neither_sandbox_nor_database_nor_secret(host: Host) -> None:
    image = ["docker", "run", "--rm", "--network", "none", "cleanup-portal"]
    listing = host.engine.run(*image, "find", "/portal", "/usr/local/lib", "-not", "-path", "/proc/*")
    assert "/portal/staticfiles/staticfiles.json" in listing
    for word in ("sandbox", "embedded", "pginstall", "/secret_key\n", ".env", "/portal/tests"):
        assert word not in listing
    for service in ("web", "worker", "db"):
        for container in host.containers(service):
            config = container["HostConfig"]
            assert config["ReadonlyRootfs"] is True
            assert config["CapDrop"] == ["ALL"]
            assert config["SecurityOpt"] == ["no-new-privileges:true"]
    assert host.type("docker compose exec web id --user").strip() == "10001"


def a_first_administrator_signs_up(host: Host) -> None:
    first, second = commands()["First administrator"]
    first = first.replace("exec web", "exec -T -e DJANGO_SUPERUSER_PASSWORD=a-long-one-of-this-test web")
    host.type(f"{first} --noinput --username root --email root@example.org")
    *_, link = host.type(second.replace("exec web", "exec -T web")).splitlines()
    assert link.startswith("https://")


def two_workers_share_a_clean_up(host: Host) -> None:
    host.type("docker compose exec worker sh -c 'cat > /tmp/policy.toml'", stdin=POLICY)
    host.manage("load_policy /tmp/policy.toml")
    host.manage("set_mode live --actor root")
    # As the worker reads it: one may be under way.
    wait_for(lambda: "dormant" in host.manage("export_accounts"), host)
    dormant = [row["username"] for row in csv.DictReader(host.manage("export_accounts --verdict dormant").splitlines())]
    chosen = [name for name in dormant if re.fullmatch(r"[\w.@-]+", name)][:8]
    host.manage(f"approve {' '.join(chosen)} --actor root --reason 'Left the company'")
    host.manage("launch_cleanup --actor root")
    wait_for(lambda: revoked(host) == len(chosen), host)
    host.manage("sync")
    listed = {row["username"] for row in csv.DictReader(host.manage("export_accounts").splitlines())}
    assert not listed & set(chosen)
    (line,) = commands()["Watch it"]
    assert '"worker": "OK"' in host.type(line.replace(":8000", f":{port(host)}"))


def revoked(host: Host) -> int:
    entries = [json.loads(line) for line in host.manage("audit_export").splitlines()]
    return sum(entry["kind"] == "case.revoked" for entry in entries)


def port(host: Host) -> str:
    (found,) = re.findall(r"^PORTAL_PORT=(\d+)$", (host.folder / ".env").read_text(), flags=re.MULTILINE)
    return str(found)


def what_was_backed_up_comes_back(host: Host) -> None:
    before = revoked(host)
    host.follow("Backup and restore")
    wait_for(lambda: host.is_healthy("worker", 1), host)
    assert revoked(host) == before
    host.manage("audit_verify")


def a_backup_comes_back_on_a_new_host(host: Host, other: Path) -> None:
    new = Host(host.engine, checkout(other))
    for kept in (".env", "oidc.env", "portal.dump", "secrets/key"):
        (new.folder / kept).parent.mkdir(exist_ok=True)
        shutil.copy(host.folder / kept, new.folder / kept)
    fill_in(new, {"COMPOSE_PROJECT_NAME": "new-host", "PORTAL_PORT": str(free_port(8970))})
    new.follow("On a new host")
    assert revoked(new) == revoked(host)
    (line,) = commands()["Watch it"]
    line = line.replace(":8000", f":{port(new)}")
    wait_for(lambda: "everything is held" in new.type(f"{line} || true"), new)
    new.type("docker compose down --volumes")


def it_is_upgraded_and_its_keys_are_rotated(host: Host) -> None:
    host.follow("Upgrade")
    wait_for(lambda: host.is_healthy("web", 1), host)
    up, check, change, up_again = commands()["Rotate keys"]
    host.type(up)
    host.type(check)
    host.type(change, stdin="another/one\nanother/one\n")
    fill_in(host, {"POSTGRES_PASSWORD": "another/one"})
    host.type(up_again)
    wait_for(lambda: host.is_healthy("web", 1), host)


def it_stops_in_order_and_leaves_nothing(host: Host) -> None:
    stop, down = commands()["Stop and remove"]
    host.type(stop)
    for service in ("web", "worker", "db"):
        codes = [container["State"]["ExitCode"] for container in host.containers(service)]
        assert codes == [0], f"{service} had to be killed: {codes}"
    host.type(down)
    assert host.engine.run("docker", "ps", "--all", "--quiet") == ""
    assert host.engine.run("docker", "volume", "ls", "--quiet") == ""
