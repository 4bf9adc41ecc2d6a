"""Where a name, an address or a username may stand beside its own columns: in every table, and in the files kept."""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Q

from accounts_review.models import Account

ERASED = "erased"
SHORTEST = 3
"""A shorter name would stand in ordinary words; its own columns are emptied all the same."""

_OTHERS = (
    *("accounts_review_auditentry", "accounts_review_personaldata", "accounts_review_account", "auth_user"),
    *("accounts_review_policyversion", "accounts_review_group", "django_migrations", "accounts_review_storedkey"),
)
"""Tables that are left as they are: the chain, what is erased by itself, other people, and what was adopted."""
_COLUMNS = """
SELECT table_name, column_name, udt_name FROM information_schema.columns
WHERE table_schema = current_schema() AND is_generated = 'NEVER' AND udt_name IN ('text', 'varchar', 'jsonb', '_text')
  AND table_name IN (SELECT tablename FROM pg_tables WHERE schemaname = current_schema())
"""
_KEPT = ("checkpoint", "secret_key", "postgresql")
_BETWEEN_MAILS = re.compile(rb"^-{79}\r?\n", re.MULTILINE)
LARGEST_FILE = 200 * 2**20


def terms_of(accounts: Iterable[Account]) -> list[str]:
    """What to look for of some accounts: usernames, addresses and names that are nobody else's."""
    accounts = list(accounts)
    found = {name.strip() for one in accounts for name in (one.username, one.email, one.display_name, one.full_name)}
    return sorted((term for term in found if len(term) >= SHORTEST and not _is_others(term, accounts)), key=len)[::-1]


def pattern_of(terms: Iterable[str]) -> str:
    """A regular expression, of PostgreSQL and of Python, that finds terms as whole words, whatever their capitals."""
    any_of = "|".join(re.escape(form) for term in terms for form in _forms(term))
    return rf"(?<![A-Za-z0-9_@.+-])(?:{any_of})(?![A-Za-z0-9_@+-]|\.[A-Za-z0-9])"


def sweep_tables(terms: list[str]) -> int:
    """Put "erased" in the place of terms in every text of the database; returns how many rows changed.

    In the caller's transaction.
    """
    if not terms:
        return 0
    changed, pattern = 0, pattern_of(terms)
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS)
        for table, column, kind in cursor.fetchall():
            if table in _OTHERS:
                continue
            cast = {"jsonb": "::jsonb", "_text": "::text[]"}.get(kind, "")
            name, where = connection.ops.quote_name(column), connection.ops.quote_name(table)
            replaced = f"regexp_replace({name}::text, %s, %s, 'gi'){cast}"
            cursor.execute(
                f"UPDATE {where} SET {name} = {replaced} WHERE {name}::text ~* %s",  # noqa: S608 (names from the catalog)
                [pattern, ERASED, pattern],
            )
            changed += cursor.rowcount
    _end_sessions(pattern)
    return changed


def scrub_embedded() -> None:
    """Have the embedded database forget what its files hold of rows that were changed, outside any transaction.

    A real server does so in its own time, and its administrator decides on its archives.
    """
    if "embedded" not in connection.settings_dict["ENGINE"]:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        for (table,) in cursor.fetchall():
            cursor.execute(f"VACUUM (FULL, ANALYZE) {connection.ops.quote_name(table)}")
        cursor.execute("VACUUM FULL pg_statistic")
        cursor.execute("ALTER SYSTEM SET wal_recycle = off")
        cursor.execute("SELECT pg_reload_conf()")
        for _round in range(3):
            cursor.execute("SELECT pg_switch_wal()")
            cursor.execute("CHECKPOINT")


def sweep_files(folder: Path, terms: list[str]) -> int:
    """Take e-mails with terms out of the files of e-mails, and terms out of other files; returns how many changed."""
    if not terms or not folder.is_dir():
        return 0
    pattern = re.compile(pattern_of(terms), re.IGNORECASE)
    return sum(_sweep(path, pattern) for path in _files(folder))


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(_KEPT)]
        yield from (Path(root, name) for name in names if not name.startswith(_KEPT))


def _sweep(path: Path, pattern: re.Pattern[str]) -> bool:
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_FILE:
            return False
        content = path.read_bytes()
        mails = _BETWEEN_MAILS.split(content)
        kept = [mail for mail in mails if not _mentions(mail, pattern)] if len(mails) > 1 else mails
        separator = b"-" * 79 + b"\n"
        text = separator.join(kept) if len(kept) < len(mails) else content
        text = pattern.sub(ERASED, text.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        if text == content:
            return False
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_bytes(text)
        draft.chmod(path.stat().st_mode)
        draft.replace(path)
    except OSError:
        return False
    return True


def _mentions(mail: bytes, pattern: re.Pattern[str]) -> bool:
    """Whether an e-mail tells of somebody, in its headers or in a text however it is encoded."""
    if pattern.search(mail.decode("utf-8", "replace")):
        return True
    message = email.message_from_bytes(mail, policy=email.policy.default)
    try:
        texts = [str(value) for value in message.values()]
        texts += [str(part.get_content()) for part in message.walk() if part.get_content_maintype() == "text"]
    except (LookupError, ValueError, KeyError):
        return False
    return any(pattern.search(text) for text in texts)


def _end_sessions(pattern: str) -> None:
    found = re.compile(pattern, re.IGNORECASE)
    told = [one.pk for one in Session.objects.iterator() if found.search(json.dumps(one.get_decoded(), default=str))]
    Session.objects.filter(pk__in=told).delete()


def _is_others(term: str, accounts: list[Account]) -> bool:
    same = Q(username__iexact=term) | Q(email__iexact=term) | Q(display_name__iexact=term)
    first, _space, last = term.partition(" ")
    same |= Q(first_name__iexact=first, last_name__iexact=last) if last else Q(pk=0)
    others = Account.objects.filter(same, erased_at=None).exclude(pk__in=[one.pk for one in accounts])
    people = User.objects.filter(Q(username__iexact=term) | Q(email__iexact=term))
    return others.exists() or people.exists()


def _forms(term: str) -> list[str]:
    """A term as it may stand in a text: plain, or within JSON that is itself a text."""
    return list(dict.fromkeys([term, json.dumps(term)[1:-1], json.dumps(term, ensure_ascii=False)[1:-1]]))
