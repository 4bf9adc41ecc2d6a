"""How log lines look: the token of an answer page, which opens it to whoever has it, is never in them (law 12)."""

from __future__ import annotations

import logging
import re

import structlog

TOKEN = re.compile(r"(/answer/)[^/\s\"'?]+")


class Line(structlog.stdlib.ProcessorFormatter):
    """Renders a record as one line, and takes the tokens out of it."""

    def format(self, record: logging.LogRecord) -> str:
        return TOKEN.sub(r"\1…", super().format(record))
