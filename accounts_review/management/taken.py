"""What somebody takes at a shell: recorded before they can have any of it, and written to a file or standard output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.management.files import NotWritten, written_whole
from accounts_review.models import Account, Workspace
from accounts_review.workflow.evidence.pack import NoEvidence
from accounts_review.workflow.people.changes import login_of

About = TypeVar("About", Account, Workspace)


def take(
    content: Iterable[bytes],
    command: BaseCommand,
    *,
    into: Path | None,
    about: Sequence[About],
    kind: Event,
    actor: User | None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Write it to a file, or else to standard output. Raises ``CommandError`` and ``OSError``."""
    said: dict[str, Any] = {"kind": kind, "actor": actor, "data": data}
    if into is None:
        with taken_down(about, **said):
            for part in content:
                command.stdout.write(part.decode(), ending="")
            command.stdout.flush()
        return
    with file_taken(into, about=about, **said) as file:
        file.writelines(content)


@contextmanager
def file_taken(into: Path, *, about: Sequence[About], **said: Any) -> Iterator[IO[bytes]]:
    """A file to write, and what is recorded of it. Raises ``CommandError``.

    One that cannot be opened gives nobody anything; one that cannot have its name in the end, neither.
    """
    with ExitStack() as until_written:
        file = until_written.enter_context(written_whole(into))
        with taken_down(about, **said):
            yield file
            file.flush()
            until_written.close()


@contextmanager
def taken_down(
    about: Sequence[About], *, kind: Event, actor: User | None, data: Mapping[str, Any] | None = None
) -> Iterator[None]:
    """Record that something is taken, and, where it cannot be written after all, that nobody has it whole."""
    audit.log(about, kind=kind, actor=login_of(actor), now=now(), data=data)
    try:
        yield
    except (OSError, NotWritten, NoEvidence) as error:
        failed = {"kind": "failed", "error": getattr(error, "strerror", "") or str(error)}
        audit.log(about, kind=kind, actor=login_of(actor), now=now(), data=failed)
        raise
