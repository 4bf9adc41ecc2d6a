"""Checkpoints: number and digest of the newest audit entry, signed and kept outside the database (law 9).

The chain alone shows no end that was cut off: a restored backup is a whole chain, only shorter. Each host keeps a
checkpoint of its own in ``DATA_DIR``, written right after every commit that wrote entries, and holds the database
against it before anything leaves. What the host has never seen is no evidence: a host without a checkpoint, where
there are entries, does nothing until it may begin one.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.db import DatabaseError, connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts_review.audit.files import load_key, put
from accounts_review.models import Hold
from accounts_review.models.hold import WITHOUT_EVIDENCE

log = structlog.get_logger(__name__)

GENESIS = "0" * 64
PRINTED = re.compile(r"(?:checkpoint )?(\d{1,18}):([0-9a-f]{64})(?:\s+[\d,]+ entries hold)?")
_END_BESIDE = """
SELECT seq, digest, EXISTS (SELECT FROM accounts_review_auditentry WHERE seq = %s AND digest = %s)
FROM accounts_review_auditentry ORDER BY seq DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Number and digest of an entry. Compared with a saved one, it shows whether the audit was cut off or rewritten."""

    seq: int
    digest: str
    at: datetime | None = field(default=None, compare=False)
    """When it was noted, which makes it no other; ``None`` where that is not known."""
    record: dict[str, Any] | None = field(default=None, compare=False, repr=False)
    """As it was signed, where it was."""

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read ``NUMBER:DIGEST``, what ``audit_verify`` printed, or a checkpoint's file: of several in it, the last.

        Raises ``ValueError``.
        """
        lines = text.strip().replace("\r\n", "\n")
        if signed := re.findall(r"^\{.*\}$", lines, re.MULTILINE):
            return _signed(signed[-1])
        if not (found := re.fullmatch(PRINTED, lines.lower())):
            raise ValueError(
                _("A checkpoint is an entry number, a colon and the entry's 64-character digest, or a checkpoint file.")
            )
        return cls(int(found[1]), found[2])

    def __str__(self) -> str:
        return f"{self.seq}:{self.digest}"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why this host must not act on this database."""

    cause: Hold.Cause
    details: dict[str, Any] = field(default_factory=dict)
    """``number``, ``digest`` and ``noted_at`` of the checkpoint, ``newest`` of the database, or the ``error``."""


def newest() -> Checkpoint:
    """The newest entry of the database, or the beginning of the chain where there is none."""
    return _end_beside(None)[0]


@dataclass(slots=True)
class Keeper:
    """The checkpoint of this host, in a folder."""

    folder: Path
    clock: Callable[[], datetime] = now
    failure: str = ""
    """Why the last try to write failed; "" where it did not."""

    @property
    def name(self) -> str:
        """How people know this host; it may change with its container."""
        return f"{socket.gethostname()}:{self.folder}"[:400]

    @property
    def host(self) -> str:
        """How the portal knows this host: by its key, which is made at the first start."""
        try:
            if not self.key_file.exists():
                with self._alone():
                    self._key()
            return load_key(self.key_file).public_key().public_bytes_raw().hex()
        except (ValueError, OSError):
            return self.name

    @property
    def file(self) -> Path:
        return self.folder / "checkpoint.json"

    @property
    def key_file(self) -> Path:
        return self.folder / "checkpoint.key"

    @property
    def history_file(self) -> Path:
        return self.folder / "checkpoints.jsonl"

    def history(self) -> list[Checkpoint]:
        """Every checkpoint of this host so far, oldest first; a line that is damaged or not of its key is left out."""
        try:
            lines = self.history_file.read_text(errors="replace").splitlines()
            key = load_key(self.key_file).public_key()
        except (ValueError, OSError):
            return []
        found = []
        for line in lines:
            with suppress(ValueError):
                found.append(_signed(line, by=key))
        return found

    def read(self) -> Checkpoint | None:
        """The checkpoint, or ``None`` where there is none. Raises ``ValueError``, ``OSError``."""
        try:
            text = self.file.read_text()
        except FileNotFoundError:
            return None
        return _signed(text, by=load_key(self.key_file).public_key())

    def look(self) -> Mismatch | None:
        """What speaks against acting on this database; writes nothing."""
        return self._compared()[0]

    def keep(self) -> Mismatch | None:
        """Note the newest entry, unless something speaks against it: what does is returned, and nothing is written.

        Call it outside a transaction: what is not committed is not to be noted.
        """
        assert not connection.in_atomic_block, "a checkpoint of what may be rolled back"
        self.failure = ""
        finding, kept, last = self._compared()
        if finding is None and kept == last:
            return None
        host = self.host
        try:
            with self._alone():
                finding, _kept, last = self._compared()
                if finding is None or (finding.cause in WITHOUT_EVIDENCE and self._may_begin(host)):
                    self._write(last)
                    return None
                return finding
        except OSError as error:
            self._tell(error)
            return finding or self._not_kept()

    def begin(self) -> None:
        """Note that the database holds nothing yet, which is evidence, too. Never replaces a checkpoint."""
        try:
            with self._alone():
                if not self.file.exists():
                    self._write(Checkpoint(0, GENESIS))
        except OSError as error:
            self._tell(error)

    @property
    def public_key(self) -> str:
        """The public half of the key, in hexadecimal: what others verify signatures with."""
        return self._key().public_key().public_bytes_raw().hex()

    def sign(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """What is given, with the key and a signature over all of it, keys sorted."""
        key = self._key()
        signed = dict(content) | {"key": key.public_key().public_bytes_raw().hex()}
        text = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return signed | {"signature": key.sign(text.encode()).hex()}

    def _compared(self) -> tuple[Mismatch | None, Checkpoint | None, Checkpoint]:
        """What speaks against acting on this database; what is kept here, and the newest of the database."""
        try:
            kept = self.read()
        except (ValueError, OSError) as error:
            log.warning("the checkpoint cannot be read", error=str(error))
            return Mismatch(Hold.Cause.UNREADABLE), None, newest()
        last, agrees = _end_beside(kept)
        if kept is None:
            return Mismatch(Hold.Cause.MISSING, {"newest": last.seq}) if last.seq else self._not_kept(), None, last
        if not agrees and not _is_superseded(kept):
            cause = Hold.Cause.BEHIND if last.seq < kept.seq else Hold.Cause.REWRITTEN
            noted_at = kept.at.isoformat() if kept.at else ""
            details = {"number": kept.seq, "digest": kept.digest, "noted_at": noted_at, "newest": last.seq}
            return Mismatch(cause, details), kept, last
        return self._not_kept(), kept, last

    def _tell(self, error: OSError) -> None:
        self.failure = f"{error.strerror or error} ({self.folder})"
        log.error("the checkpoint could not be written", error=self.failure)

    def _not_kept(self) -> Mismatch | None:
        return Mismatch(Hold.Cause.NOT_KEPT, {"error": self.failure}) if self.failure else None

    def _may_begin(self, host: str) -> bool:
        """Whether somebody has released this host, and it has made no use of that yet."""
        released = Hold.objects.filter(host=host, cause__in=WITHOUT_EVIDENCE, taken_at=None).exclude(released_at=None)
        return released.update(taken_at=self.clock()) > 0

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "checkpoint.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, checkpoint: Checkpoint) -> None:
        key = self._key()
        content = [checkpoint.seq, checkpoint.digest, self.clock().isoformat()]
        record = dict(zip(("number", "digest", "at"), content, strict=True))
        record["key"] = key.public_key().public_bytes_raw().hex()
        record["signature"] = key.sign(_bytes(content)).hex()
        line = json.dumps(record) + "\n"
        put(self.file, line.encode())
        with suppress(OSError):  # The newest is kept already; what is lost here is one of many.
            descriptor = os.open(self.history_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "w") as out:
                out.write(line)

    def _key(self) -> Ed25519PrivateKey:
        """The key of this installation; a new one where there is none that can be used."""
        try:
            return load_key(self.key_file)
        except (ValueError, FileNotFoundError):
            key = Ed25519PrivateKey.generate()
            form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            put(self.key_file, key.private_bytes(serialization.Encoding.PEM, form, plain))
            return key


keeper: Keeper | None = None
"""The keeper of this process, set when the app starts."""


def keep_after_commit(*, before: Checkpoint) -> None:
    """Have the entries that a transaction is about to write noted as soon as it has committed."""
    if keeper is not None:
        if before.seq == 0:
            keeper.begin()
        transaction.on_commit(_keep_if_possible, robust=True)


_is_put_off: ContextVar[bool] = ContextVar("checkpoint_is_put_off", default=False)


@contextmanager
def kept_at_the_end() -> Iterator[None]:
    """Within, commits note no checkpoint each: who commits many keeps one now and then, and one is kept at the end.

    A checkpoint that is a little older than it could be speaks against nothing.
    """
    token = _is_put_off.set(True)
    try:
        yield
    finally:
        _is_put_off.reset(token)
        _keep_if_possible()


def look() -> Mismatch | None:
    """What speaks against acting on this database from this host."""
    return keeper.look() if keeper else None


def _keep_if_possible() -> None:
    """The act has committed already: what goes wrong now is told by the next look, which holds everything."""
    try:
        if keeper and not connection.in_atomic_block and not _is_put_off.get():
            keeper.keep()
    except DatabaseError as error:
        log.error("the checkpoint could not be noted", error=str(error))


def _end_beside(kept: Checkpoint | None) -> tuple[Checkpoint, bool]:
    """The newest entry of the database, and whether it holds the one that was kept; in one query."""
    with connection.cursor() as cursor:
        cursor.execute(_END_BESIDE, [kept.seq if kept else 0, kept.digest if kept else ""])
        seq, digest, is_there = cursor.fetchone() or (0, GENESIS, False)
    return Checkpoint(seq, digest), is_there or not kept or kept.seq == 0


def _is_superseded(kept: Checkpoint) -> bool:
    """Whether an administrator has accepted the database as it was after this was noted."""
    return Hold.objects.accepted().filter(released_at__gte=kept.at).exists()


def _signed(text: str, *, by: Ed25519PublicKey | None = None) -> Checkpoint:
    """A checkpoint's file, if its signature holds: by a key, or else by the one it names. Raises ``ValueError``."""
    try:
        record = json.loads(text)
        key = by or Ed25519PublicKey.from_public_bytes(bytes.fromhex(record["key"]))
        content = [record["number"], record["digest"], record["at"]]
        key.verify(bytes.fromhex(record["signature"]), _bytes(content))
        return Checkpoint(int(content[0]), str(content[1]), datetime.fromisoformat(content[2]), record)
    except (InvalidSignature, ValueError, TypeError, KeyError):
        raise ValueError(_("The checkpoint is damaged or was changed by hand: its signature does not hold.")) from None


def _bytes(content: list[Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
