"""How gunicorn serves the portal, everywhere; :mod:`cleanup_portal.serve` starts it."""

import os
import sys
from contextlib import closing, suppress
from typing import Any

from gunicorn.arbiter import Arbiter

from cleanup_portal import serve

wsgi_app = "cleanup_portal.wsgi"
bind = ["0.0.0.0:8000"]
worker_class = "cleanup_portal.gunicorn_worker.PatientWorker"
logger_class = "cleanup_portal.logs.GunicornLogger"
workers = serve.processes()
# Those that wait for a lock wait longer, the more share the processor of whoever holds it; and each thread keeps a
# connection to the database. With fewer, those who send a body slowly, or take an answer slowly, keep others waiting.
threads = 8
keepalive = 5
# A page of filters whose address is carried through the sign-in, written as part of another, is long.
limit_request_line = 8190
graceful_timeout = 8
# Heartbeats are written twice a second: to memory, not to a disk that may be slow.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """Refuse a database that a newer version of the portal has changed, and say so where it was not migrated."""
    # Only now is Django ready.
    from django.db import DatabaseError, connection

    from cleanup_portal import database_version

    said = newer = ""
    # One that does not answer yet is asked again by each page.
    with closing(connection), suppress(DatabaseError):
        said, newer = database_version.mismatch(), database_version.newer()
    if said:
        worker.log.critical(said)
    if newer:
        sys.exit(Arbiter.WORKER_BOOT_ERROR)
