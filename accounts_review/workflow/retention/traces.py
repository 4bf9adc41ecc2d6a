"""Where a name, an address or a username may also occur: in stored texts and in files."""

from __future__ import annotations

import email
import email.policy
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from psycopg.errors import LockNotAvailable

from accounts_review.audit.events import Event
from accounts_review.models import Account, AuditEntry, Run
from accounts_review.models.indexes import PATIENCE
from accounts_review.workflow.retention import texts
from accounts_review.workflow.retention.terms import ERASED, SearchTerms, can_be_looked_for

_KEPT = ("checkpoint", "secret_key", "postgresql")
_BETWEEN_MAILS = re.compile(rb"^-{79}\r?\n", re.MULTILINE)
SCRUB = "scrub_job"
"""The task that calls :func:`scrub_embedded`; its runs say when that was last done."""
LARGEST_FILE = 200 * 2**20
# Tables that were written anew until one is met that is in use would all be written anew again, a minute later.
_IN_USE = """
SELECT FROM pg_locks used JOIN pg_stat_activity USING (pid)
WHERE used.locktype = 'relation' AND used.relation IN (
        SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace
    )
    AND used.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND xact_start < now() - %s::interval
LIMIT 1
"""


class StillRead(ImproperlyConfigured):
    """Somebody reads a table for long, and everybody else would wait behind who waits for that; the message says so."""

    def __init__(self) -> None:
        super().__init__(_("Somebody downloads or backs up a large table. This is tried again in a minute."))


def terms_of(accounts: Iterable[Account]) -> SearchTerms:
    """What to look for of some accounts: usernames, addresses and names that are nobody else's."""
    accounts = list(accounts)
    found = {name.strip() for one in accounts for name in (one.username, one.email, one.display_name, one.full_name)}
    return SearchTerms.of(term for term in found if can_be_looked_for(term) and not _is_others(term, accounts))


def sweep_tables(terms: SearchTerms, *, workspaces: Collection[int]) -> int:
    """Put "erased" in the place of terms in what was written in workspaces; returns how many texts changed.

    In the caller's transaction.
    """
    if terms:
        _end_sessions(terms)
    return texts.take_out(terms, workspaces=workspaces)


def is_embedded() -> bool:
    """Whether the database is the portal's own, whose files it can go through."""
    return "embedded" in connection.settings_dict["ENGINE"]


def scrubs() -> QuerySet[Run]:
    """The runs that cleared the files of the embedded database, the newest first; one that failed does not count."""
    return Run.objects.filter(task=SCRUB, error="")


def is_scrub_owed() -> bool:
    """Whether somebody was erased since the embedded database last began to forget."""
    if not is_embedded():
        return False
    # Sign-in addresses, which alone are counted, are no person's data that somebody asked to be rid of.
    erased = AuditEntry._base_manager.filter(kind=Event.PERSON_ERASED).exclude(data__has_key="count")
    last = erased.order_by("-seq").values_list("at", flat=True).first()
    return last is not None and not scrubs().filter(started_at__gte=last).exists()


def scrub_embedded() -> None:
    """Have the embedded database forget what its files hold of rows that were changed, outside any transaction.

    A real server does so in its own time, and its administrator decides on its archives. Raises :class:`StillRead`.
    """
    if not is_embedded():
        return
    with connection.cursor() as cursor:
        cursor.execute(_IN_USE, [PATIENCE])
        if cursor.rowcount:
            raise StillRead
        cursor.execute(f"SET lock_timeout = '{PATIENCE}'")
        try:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
            for (table,) in cursor.fetchall():
                cursor.execute(f"VACUUM (FULL, ANALYZE) {connection.ops.quote_name(table)}")
            cursor.execute("VACUUM FULL pg_statistic")
        except OperationalError as error:
            if isinstance(error.__cause__, LockNotAvailable):
                raise StillRead from error
            raise
        finally:
            cursor.execute("RESET lock_timeout")
        cursor.execute("ALTER SYSTEM SET wal_recycle = off")
        cursor.execute("SELECT pg_reload_conf()")
        # Segments that were kept for later still hold what was written in them before: each is gone through.
        cursor.execute("SELECT count(*) FROM pg_ls_waldir()")
        for _round in range(cursor.fetchone()[0] + 3):
            cursor.execute("SELECT pg_switch_wal()")
            cursor.execute("CHECKPOINT")


def sweep_files(folder: Path, terms: list[str]) -> int:
    """Take e-mails with terms out of the files of e-mails, and terms out of other files; returns how many changed."""
    known = SearchTerms.of(terms)
    return sum(_sweep(path, known.found) for path in _files(folder)) if known else 0


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
        draft.touch(0o600)
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


def _end_sessions(terms: SearchTerms) -> None:
    told = [one.pk for one in Session.objects.iterator() if texts.any_of(texts.strings_of(one.get_decoded()), terms)]
    Session.objects.filter(pk__in=told).delete()


def _is_others(term: str, accounts: list[Account]) -> bool:
    same = Q(username__iexact=term) | Q(email__iexact=term) | Q(display_name__iexact=term)
    first, _space, last = term.partition(" ")
    same |= Q(first_name__iexact=first, last_name__iexact=last) if last else Q(pk=0)
    others = Account.objects.filter(same, erased_at=None).exclude(pk__in=[one.pk for one in accounts])
    people = User.objects.filter(Q(username__iexact=term) | Q(email__iexact=term))
    return others.exists() or people.exists()
