"""The evidence pack: entries, policies, e-mails and checkpoints in one file that anyone can verify.

Entries of others that lie between keep the chain whole: those of the same workspace without their names, those of
other workspaces as digests, which tell of nothing.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.db.models import Max, Min, Q, QuerySet
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from accounts_review.audit import checkpoint, sentences
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Workspace
from accounts_review.spreadsheet.audit_rows import packed_lines
from accounts_review.wording.controls import with_controls_named

VERIFY = Path(__file__).with_name("verify.py")
MOST_SHOWN = 5_000
"""So many entries the printable report shows; the others are in the file of entries."""


class NoEvidence(ValueError):
    """There is nothing to put into a pack, or no checkpoint to prove it with."""


@dataclass(slots=True)
class _Writer:
    """Writes files into the zip, and notes their digests."""

    out: zipfile.ZipFile
    at: datetime
    files: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, parts: Iterable[str]) -> None:
        digest, info = hashlib.sha256(), zipfile.ZipInfo(name, self.at.timetuple()[:6])
        info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
        with self.out.open(info, "w", force_zip64=True) as file:
            for part in parts:
                content = part.encode()
                digest.update(content)
                file.write(content)
        self.files[name] = digest.hexdigest()


def write_pack(
    entries: QuerySet[AuditEntry], *, workspace: Workspace, title: str, into: IO[bytes], now: datetime
) -> int:
    """Write the pack of some entries of a workspace, with the policies that were in force, into a file.

    Returns how many entries it tells of. Raises :class:`NoEvidence`.
    """
    keeper = checkpoint.keeper
    if keeper is None or (newest := keeper.read()) is None:
        raise NoEvidence(_("This host keeps no checkpoint, so there is nothing to sign the pack with."))
    span = entries.order_by().aggregate(first=Min("seq"), last=Max("seq"))
    if span["first"] is None:
        raise NoEvidence(_("No entry matches; there is nothing to prove."))
    kept = _covering(keeper, newest, span["last"])
    entries = _with_policies(entries, workspace, first=span["first"], last=span["last"])
    first = entries.order_by("seq").values_list("seq", flat=True)[0]
    told = dict(entries.order_by().values_list("seq", "workspace"))
    theirs = set(told.values())
    with zipfile.ZipFile(into, "w") as out:
        writer = _Writer(out, now)
        whole = AuditEntry.objects.filter(seq__gte=first, seq__lte=kept[-1].seq).order_by("seq")
        writer.write("entries.jsonl", packed_lines(whole, told=told, workspaces=theirs))
        attached = _attach(writer, entries)
        writer.write("checkpoints.jsonl", (json.dumps(one.record) + "\n" for one in kept))
        writer.write("report.html", [_report(entries, title=title, attached=attached, now=now, count=len(told))])
        writer.write("README.txt", [_readme(title)])
        writer.write("verify.py", [VERIFY.read_text()])
        manifest = {"title": title, "at": now.astimezone(UTC).isoformat(), "first": first, "last": kept[-1].seq}
        manifest |= {"files": writer.files, "attached": attached, "sealed": whole.exclude(workspace__in=theirs).count()}
        writer.write("manifest.json", [json.dumps(keeper.sign(manifest), indent=1, ensure_ascii=False)])
    return len(told)


def _with_policies(
    entries: QuerySet[AuditEntry], workspace: Workspace, *, first: int, last: int
) -> QuerySet[AuditEntry]:
    """With the entry of the policy that was in force at the first of them, and of those that came until the last."""
    adopted = AuditEntry.objects.of(workspace).filter(kind=Event.POLICY_ADOPTED, seq__lte=last).order_by("-seq")
    in_force = adopted.filter(seq__lte=first).values("seq")[:1]
    wanted = Q(seq__in=entries.order_by().values("seq")) | Q(seq__in=in_force)
    return AuditEntry.objects.filter(wanted | Q(seq__in=adopted.filter(seq__gt=first).values("seq")))


def _covering(keeper: checkpoint.Keeper, newest: checkpoint.Checkpoint, last: int) -> list[checkpoint.Checkpoint]:
    """The checkpoints of a host up to the first that is of the last entry or a later one, which it is."""
    known = {kept.seq: kept for kept in (*keeper.history(), newest) if kept.record}
    later = [seq for seq in sorted(known) if seq >= last]
    if not later:
        raise NoEvidence(_("No checkpoint covers the last entry yet; try again in a minute."))
    standing = AuditEntry._base_manager.filter(seq__in=[seq for seq in known if seq <= later[0]])
    agreeing = dict(standing.order_by("seq").values_list("seq", "digest"))
    if agreeing.get(later[0]) != known[later[0]].digest:
        raise NoEvidence(_("The database does not agree with its checkpoint; see audit_verify."))
    return [known[seq] for seq, digest in agreeing.items() if known[seq].digest == digest]


def _attach(writer: _Writer, entries: QuerySet[AuditEntry]) -> dict[str, list[str]]:
    """Policies and e-mails as files of their own: the names of the files by the number of their entry."""
    attached: dict[str, list[str]] = {}
    has_mail = Q(data__has_key="mail") | Q(personal__details__has_key="mail")
    for entry in entries.filter(has_mail | Q(kind=Event.POLICY_ADOPTED)).order_by("seq").iterator(2000):
        if entry.kind == Event.POLICY_ADOPTED:
            name, text = f"policies/{entry.workspace}-{entry.data.get('version')}.toml", entry.data.get("policy", "")
        elif mail := entry.details.get("mail"):
            name, text = f"e-mails/{entry.seq}-{entry.kind}.txt", as_file(entry.details, mail)
        else:
            continue
        writer.write(name, [text])
        attached[str(entry.seq)] = [name]
    return attached


def as_file(details: dict[str, Any], mail: dict[str, str]) -> str:
    """An e-mail as it was sent, but for the link in it, which opened something for whoever had it."""
    return f"To: {details.get('address', '')}\nSubject: {mail['subject']}\n\n{mail['text']}"


def _report(
    entries: QuerySet[AuditEntry], *, title: str, attached: dict[str, list[str]], now: datetime, count: int
) -> str:
    rows = [_row(entry, attached) for entry in entries.order_by("seq")[:MOST_SHOWN]]
    known = {"title": title, "rows": rows, "now": now, "count": count, "left_out": count - len(rows)}
    return with_controls_named(render_to_string("accounts_review/audit/report.html", known))


def _row(entry: AuditEntry, attached: dict[str, list[str]]) -> dict[str, Any]:
    words = {"name": sentences.name_of(entry), "said": sentences.of_entry(entry)}
    return words | {"entry": entry, "files": attached.get(str(entry.seq), [])}


def _readme(title: str) -> str:
    return f"""{title}

report.html        what happened, to read and to print
entries.jsonl      the audit entries, one a line; those without names lie between and keep the chain whole;
                   of entries of other workspaces, their numbers and digests alone
policies/          the policies in force, as they were adopted
e-mails/           the e-mails, as they were sent; links are taken out
checkpoints.jsonl  numbers and digests of entries, signed when they were written
manifest.json      the digest of every file, signed
verify.py          proves all of it with Python 3.9 or later and nothing else:

    python -I -S verify.py

The key that signs is on the portal's audit page. Compare it, or give it:

    python -I -S verify.py --key HEX
"""
