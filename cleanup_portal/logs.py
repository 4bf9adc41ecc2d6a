"""How log lines look: each has its time and level, whoever wrote it, and none holds a secret (law 12).

``console`` is for people: every line of a traceback begins like the line it belongs to. ``json`` is for machines: one
object a line. Tracebacks never hold the values of variables.
"""

from __future__ import annotations

import io
import json
import logging
import logging.config
import os
import re
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Any
from urllib.parse import quote

import gunicorn.glogging
import psycopg
import structlog
from django.db.utils import OperationalError
from structlog.typing import EventDict, Processor, WrappedLogger

FORMATS = ("console", "json")
SHORTEST_SECRET = 8
"""A shorter one would stand in ordinary words, too; it is not looked for."""

_OF_THE_SERVER = ("08", "53", "57P")
"""PostgreSQL's classes of errors: of the connection, for want of room or memory, by an operator's hand."""

_HIDDEN = "…"
_ESCAPED = r"\\[^\"'nrt]"
"""What JSON writes with a backslash, but for what ends a text or a line: never half of it is taken away."""
_MORE = rf"(?:[^\s\"'&\\]|{_ESCAPED})+"
_WHOM = "q|actor|approver"
"""The filters of pages that ask for somebody."""
_IN_EVERY_LINE = (
    # What opens an answer page, or sets a password, for whoever has it; also where a mail program has torn the address,
    # be it by the end of a line, after which the console's next line begins.
    # A quotation mark with nothing to hide right behind it ends a text of the line.
    (
        re.compile(
            r"(/answer/|/password/reset/key/)(?:(?: [^\n]*)?\n[^|\n]*\| )?"
            r"(?:[\s?]|\\[nrt]|\\?[\"'](?=[? ]*\w))*[^\s\"'?]*[^/\s\"'?\\]"
        ),
        rf"\1{_HIDDEN}",
    ),
    (re.compile(rf"(/login/callback/\?)(?:[^\s\"'\\]|{_ESCAPED})+"), rf"\1{_HIDDEN}"),
    # What somebody searched for, a name as a rule: no erasure reaches a log. Also in an address within an address, what
    # belongs to which is encoded once more.
    (re.compile(rf"([?&](?:{_WHOM})=){_MORE}"), rf"\1{_HIDDEN}"),
    (
        re.compile(
            rf"(%((?:25)*)(?:3F|26)(?:{_WHOM})(?:=|%\2(?:3D)))(?:[^\s\"'&%\\]|{_ESCAPED}|%(?!\2(?:26)))+",
            re.IGNORECASE,
        ),
        rf"\1{_HIDDEN}",
    ),
    # user:password@host, and the API's own form of authorization.
    (re.compile(r"(://[^/\s:@\"']*:)[^/\s@\"']+@"), rf"\1{_HIDDEN}@"),
    (re.compile(rf"(\bapikey[ =:]+){_MORE}", re.IGNORECASE), rf"\1{_HIDDEN}"),
)

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
]


def is_of_the_server(error: BaseException | None) -> bool:
    """Whether the database itself cannot go on: it is not reached, stops, or has no room on its disk."""
    if not isinstance(error, OperationalError) or not isinstance(cause := error.__cause__, psycopg.Error):
        return False
    return cause.sqlstate is None or cause.sqlstate.startswith(_OF_THE_SERVER)


def _in_one_line(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Of what is no fault of the program, where it came up tells nothing: with a full disk that is everywhere."""
    told = event.get("exc_info")
    error = sys.exc_info()[1] if told is True else told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException) and is_of_the_server(error):
        event["exc_info"], event["error"] = None, str(error).strip().partition("\n")[0]
    return event


_told: set[str] = set()
_told_pattern: list[re.Pattern[str]] = []


def hide(secret: str) -> None:
    """Keep a secret that the settings do not know out of this process's log lines from now on."""
    if secret in _told or len(secret) < SHORTEST_SECRET:
        return
    _told.add(secret)
    _told_pattern[:] = [_any_of(_told)]


class LogFormatter(structlog.stdlib.ProcessorFormatter):
    """Renders a record of anybody's as console lines or as JSON, and takes the secrets out of it."""

    def __init__(self, *, form: str, secrets: Iterable[str] = ()) -> None:
        super().__init__(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _in_one_line,
                structlog.processors.format_exc_info,
                _as_json if form == "json" else _for_people,
            ],
        )
        worth = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]
        self._secrets = [_any_of(worth)] if worth else []

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for pattern in (*self._secrets, *_told_pattern):
            line = pattern.sub(_HIDDEN, line)
        for pattern, shown in _IN_EVERY_LINE:
            line = pattern.sub(shown, line)
        return line


class GunicornLogger(gunicorn.glogging.Logger):  # type: ignore[misc]
    """What the web server itself has to say, in the same form, also before Django is there."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        logging.config.dictConfig(configuration(form=os.environ.get("LOG_FORMAT", "").lower(), level="WARNING"))
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
        log_whatever_comes()


def configuration(*, form: str, level: str, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """For ``logging.config.dictConfig``: everything goes to standard error, which standard output is kept free for."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": LogFormatter, "form": form, "secrets": tuple(secrets)}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.__stderr__"}
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django gives these two handlers of their own, and has the second pass nothing on.
            "django": {"handlers": [], "level": level},
            "django.server": {"handlers": [], "propagate": True},
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            # In debug mode they hold what is written to the database, sessions and passwords' digests among it.
            "django.db.backends": {"level": "WARNING"},
        },
    }


_PROCESSORS: list[structlog.typing.Processor] = [
    structlog.stdlib.filter_by_level,
    *_SHARED,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.StackInfoRenderer(),
    _in_one_line,
    structlog.processors.format_exc_info,
    structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
]
"""One list for good: a logger keeps the one it found at its first line, also when this is configured again."""


def configure_structlog() -> None:
    """Have structlog's lines go the way of all others."""
    structlog.configure(
        processors=_PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def log_whatever_comes() -> None:
    """Write as log lines what this process and its children would put on standard error otherwise.

    That is warnings, and the error that ends a process; for processes that run on their own.
    """

    def write(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        logging.getLogger("portal").critical("ended by an error", exc_info=(kind, error, traceback))

    sys.excepthook = write
    sys.stderr = _LoggedText()
    logging.captureWarnings(capture=True)


class _LoggedText(io.TextIOBase):
    """A standard error whose every flush is one record."""

    def __init__(self) -> None:
        self._text = ""

    def write(self, text: str) -> int:
        self._text += text
        return len(text)

    def flush(self) -> None:
        text, self._text = self._text.strip(), ""
        if text:
            level = logging.ERROR if "Traceback" in text else logging.WARNING
            logging.getLogger("portal").log(level, "%s", text)

    def fileno(self) -> int:
        return sys.__stderr__.fileno() if sys.__stderr__ else super().fileno()


def _any_of(secrets: Iterable[str]) -> re.Pattern[str]:
    """Finds any of these secrets, however it is written; where one begins like another, the longer one."""
    forms = {form for secret in secrets for form in _forms_of(secret)}
    return re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))


def _forms_of(secret: str) -> set[str]:
    """A secret as it may stand in a line: plain, within JSON or a repr, in an address."""
    quoted = {json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret)}
    return {secret, quote(secret, safe="")} | {text[1:-1] for text in quoted}


def _as_json(logger: WrappedLogger, name: str, event: EventDict) -> str:
    return json.dumps(event, default=str)


def _for_people(logger: WrappedLogger, name: str, event: EventDict) -> str:
    """``TIME LEVEL what happened key=value``, and below it the traceback; every line begins with time and level."""
    start = f"{event.pop('timestamp')} {event.pop('level').upper():8}"
    what, below = str(event.pop("event")), [str(event.pop(key)) for key in ("stack", "exception") if event.get(key)]
    pairs = [f"{key}={_quoted(value)}" for key, value in sorted(event.items())]
    first, *rest = what.splitlines() or [""]
    lines = [" ".join([_printable(first), *pairs])]
    lines += [f"| {_printable(line)}" for text in ("\n".join(rest), *below) for line in text.splitlines()]
    return "\n".join(f"{start} {line}" for line in lines)


def _quoted(value: object) -> str:
    text = _printable(str(value))
    return json.dumps(text, ensure_ascii=False) if not text or re.search(r"[\s\"=]", text) else text


def _printable(text: str) -> str:
    """Foreign text cannot move the cursor, nor begin a line of its own."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
