#!/usr/bin/env python
"""The portal's command line: `manage.py help` lists what it can do, `manage.py version` says which portal it is."""

import gc
import os
import signal
import sys
from collections.abc import Sequence
from itertools import takewhile
from threading import Timer, main_thread
from types import FrameType

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError, OperationalError

from cleanup_portal import __version__, streams

READ_ONLY = "25006"
"""What PostgreSQL says of every change on a stand-by, or where there is no more room; no outage by Django's classes."""


def stop(signum: int, frame: FrameType | None) -> None:
    """End as at an error, so that what was begun is undone; whoever is process 1 would not end at all otherwise."""
    sys.exit(128 + signum)


def end_when_told() -> None:
    """Have this process end so at each signal that says stop, but for one that its starter ignores, as nohup does."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)


def stop_again(ignored: "sys.UnraisableHookArgs") -> None:
    """Where what says stop came amid tidying up, from which Python lets no error out, have it come once more."""
    match ignored.exc_value:
        case SystemExit(code=int(status)) if status > 128:
            number = status - 128
        case KeyboardInterrupt():
            number = int(signal.SIGINT)
        case _:
            sys.__unraisablehook__(ignored)
            return
    again = Timer(0.05, signal.pthread_kill, [main_thread().ident, number])
    again.daemon = True
    again.start()


def is_text(argument: str) -> bool:
    """Whether an argument was UTF-8, which all text here is."""
    return argument.isascii() or argument.encode(errors="replace").decode() == argument


def run() -> None:
    """Do what the command line says, up to its last word on standard output."""
    try:
        execute_from_command_line(sys.argv)
    finally:
        sys.stdout.flush()


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Whether what is wanted is help, of which no setting changes a word."""
    options = takewhile("--".__ne__, arguments)
    return not arguments or arguments[0] == "help" or not {"-h", "--help"}.isdisjoint(options)


def forget_settings() -> None:
    """Leave to the settings what they are where nothing is set, so that help comes with broken ones, too."""
    for name in set(os.environ) - {"COLUMNS", "DJANGO_COLORS", "HOME", "LANG", "NO_COLOR", "PATH", "TERM"}:
        del os.environ[name]
    # Any will do: without a key, one would be made and kept; a database there may be none of our own.
    os.environ |= {"SECRET_KEY": "-" * 50, "DATABASE_URL": "postgres://nobody@localhost/none"}


def outage(error: BaseException | None) -> BaseException | None:
    """What befell the database itself, if anything did: an error may only tell that the one before it was one."""
    while error and not (isinstance(error, OperationalError) or getattr(error, "sqlstate", None) == READ_ONLY):
        error = error.__context__
    return error


def _database() -> str:
    is_embedded = settings.DATABASES["default"]["ENGINE"] == "cleanup_portal.embedded_postgresql"
    return "the folder that DATA_DIR names, and the room on its disk" if is_embedded else "DATABASE_URL and the server"


if __name__ == "__main__":
    streams.prepare()
    end_when_told()
    sys.unraisablehook = stop_again
    # Nothing made while starting is garbage, and to look for it takes a seventh of the start; `ready` ends this.
    gc.disable()
    # A shell that completes a command line calls without arguments, too.
    if asks_for_help(sys.argv[1:]) and "DJANGO_AUTO_COMPLETE" not in os.environ:
        forget_settings()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cleanup_portal.settings")
    if sys.argv[1:] in (["version"], ["--version"]):
        # Django would answer with its own version.
        sys.stdout.write(f"{__version__}\n")
        sys.exit()
    try:
        run()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(128 + signal.SIGINT)
    except streams.CannotPrint as error:
        streams.give_up_output()
        sys.exit(
            f"Standard output cannot be written: {error.strerror}. What was printed is not whole; what was done stands."
        )
    except UnicodeEncodeError:
        if "--traceback" in sys.argv or all(map(is_text, sys.argv)):
            raise
        sys.exit(f"Not UTF-8: {', '.join(repr(one) for one in sys.argv if not is_text(one))}. Nothing was done.")
    except ImproperlyConfigured as error:
        sys.exit(f"The portal is not configured: {error}")
    except DatabaseError as error:
        if "--traceback" not in sys.argv and (cause := outage(error)):
            sys.exit(f"The database cannot be used: {str(cause).strip()}\nCheck {_database()}, then try again.")
        # Only now: which tables there are concerns nobody before one is missed.
        from cleanup_portal.database_version import mismatch

        # Amid a migration the tables are neither of one version nor of the other.
        if not {"migrate", "--traceback"}.isdisjoint(sys.argv) or not (said := mismatch()):
            raise
        sys.exit(said)
