"""How the embedded server is set up: where PostgreSQL's defaults, made for small machines, cost time, and the same
on every machine.

The settings are given whenever it starts, so that a database made by an earlier version has them, too.
"""

from __future__ import annotations

import locale
import os
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path

SETTINGS = {
    # Memory is taken as it is used, so a small workspace never takes it. At 300,000 accounts, another limit in a policy
    # takes 7.1 s of CPU with it and 8.8 s with the default of 128MB.
    "shared_buffers": "512MB",
    # These are taken at once. With the 16MB that PostgreSQL would choose, nothing was quicker.
    "wal_buffers": "1MB",
    # With the default of 1GB, checkpoints come amid a statement on very many, which then writes whole pages anew.
    "max_wal_size": "4GB",
    # With the default, each new file of its log is first filled with zeros: of a first sync of 1,000,000, 1.6 GB.
    "wal_init_zero": "off",
    # Nobody replicates it.
    "max_logical_replication_workers": "0",
}

LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
"""How texts are put in order, and which letters are capitals. Otherwise it is as in the shell that makes the database:
after ``LC_ALL=C`` no search finds *É* as *é*, and where the machine lacks the language of its user, none is made. Built
in, it changes with no other package, and texts are compared byte by byte: indexes of them take a third less."""

LONGEST_START = 600
"""Seconds. After a crash it reads up to ``max_wal_size`` again before it is there, for which the library's ten do not
do: 1.5 GB took 22."""


def configured(pg_ctl: Callable[..., str]) -> Callable[..., str]:
    """``pg_ctl`` as the library calls it; a server that it starts has our settings."""
    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())

    @wraps(pg_ctl)
    def run(args: list[str], pgdata: Path | None = None, **kwargs: object) -> str:
        if "start" not in args:
            return pg_ctl(args, pgdata=pgdata, **kwargs)
        patient = kwargs | {"timeout": LONGEST_START + 10}
        return pg_ctl(["-t", str(LONGEST_START), "-o", options, *args], pgdata=pgdata, **patient)

    return run


def localized(initdb: Callable[..., str]) -> Callable[..., str]:
    """``initdb`` as the library calls it; a database that it makes has our :data:`LOCALE`."""

    @wraps(initdb)
    def run(args: list[str], pgdata: Path | None = None, **kwargs: object) -> str:
        return initdb([*args, *LOCALE, f"--lc-ctype={_letters()}"], pgdata=pgdata, **kwargs)

    return run


def _letters() -> str:
    """What this machine calls a locale that knows all letters, by which a search is told where words end."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in ("C.UTF-8", "C.utf8", "en_US.UTF-8", "UTF-8"):
            with suppress(locale.Error):
                locale.setlocale(locale.LC_CTYPE, name)
                return name
        return "C"
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def forget_other_databases() -> None:
    """Take out of the environment what PostgreSQL reads there, as ``PGHOSTADDR``, ``PGSERVICE`` and ``PGOPTIONS``.

    A shell has them for a database that its user works with; server and connections would obey them here, too.
    """
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
