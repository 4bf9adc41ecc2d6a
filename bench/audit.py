"""The audit: decisions on very many beside bare INSERTs, verification beside its hashing, pages and exports.

Runs after ``sync``: all who are dormant are approved and exempted, as the worker does it, and both is undone.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pages
from frame import Cost, Figure, Ground, cost_of

MOST = 100_000
WRITTEN = ", ".join(f"accounts_review_{name}" for name in ("auditentry", "case", "exemption", "personaldata"))
PAGES = {
    "": "audit",
    "?page=last": "audit, last page",
    "?kind=account.approved": "audit, one kind",
    "?actor=bench": "audit, a person",
}

DIGESTED = {
    "auditentry": "seq, at, workspace, actor_ref_id, kind, subject_ref_id, account_id, cleanup, data, personal_id,"
    " previous",
    "personaldata": "salt, name, details",
}


def measure(ground: Ground) -> Iterator[Figure]:
    floors, acts = [_measured_clean(bare_inserts)], dict[str, Cost]()
    # By turns: the same statements take up to twice the CPU where the cores are busy with other things.
    for name in ("approve", "exempt"):
        acts[f"{name} all who are dormant"] = _measured_clean(decide, name)
        acts[f"{name} all who are dormant, undone"] = _measured_clean(decide, "undo")
        floors.append(_measured_clean(bare_inserts))
    floor = sorted(floors, key=_each)[1]
    spread = f"{_each(floors[0]):.0f}, {_each(floors[1]):.0f}, {_each(floors[2]):.0f} us each"
    yield Figure("decisions, entries, names by bare INSERT ... SELECT", against=spread, ratio=1, cost=floor)
    for name, ours in acts.items():
        ratio = _each(ours) / _each(floor)
        yield Figure(name, against="bare INSERT ... SELECT", ratio=ratio, target=3, cost=ours)
        yield Figure("longest that another act waits", against="", ratio=ours.result["longest"], target=1, unit="s")
    hashed, proven = cost_of(parse_dump_hash), cost_of(verify)
    count = proven.result["entries"]
    entries = f"{count} entries"
    ratio = proven.result["cpu"] / hashed.result
    yield Figure(f"verify all, {entries}", against="parse, dump and hash", ratio=ratio, target=1.5, cost=proven)
    plain = cost_of(pages.ask, pages.PLAIN)
    for query, name in PAGES.items():
        page = cost_of(pages.ask, f"/w/main/audit/{_last(query, count)}")
        yield Figure(f"{name}, {entries}, CPU", against="", ratio=page.result * 1000, target=60, unit="ms", cost=page)
        yield Figure(f"{name}, CPU", against="a plain page", ratio=page.result / plain.result)
    copied, exported = cost_of(copy_entries), cost_of(export)
    ratio = exported.result / copied.result
    yield Figure("audit as lines of JSON", against="COPY TO", ratio=ratio, target=4, cost=exported)


def _measured_clean(function: Callable[..., Any], *arguments: str) -> Cost:
    """After a checkpoint, and without the dead rows that the one before has left: each finds the database alike."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM {WRITTEN}")
        cursor.execute("CHECKPOINT")
    return cost_of(function, *arguments)


def _each(cost: Cost) -> float:
    """Microseconds of CPU for each account."""
    return float(cost.result["cpu"] / cost.result["rows"] * 1e6)


def _last(query: str, entries: int) -> str:
    return query.replace("last", str(entries // 100))


def bare_inserts() -> dict[str, float]:
    """The rows that an approval of everybody leaves, by one statement a table, without a chain; they go again."""
    from django.db import connection, transaction

    approver = _actor().pk
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE chosen ON COMMIT DROP AS SELECT unnest(%s::bigint[]) AS id", [_dormant()])
        cursor.execute("ANALYZE chosen")
        cursor.execute("SELECT count(*) FROM chosen")
        count = int(cursor.fetchone()[0])
        cursor.execute(
            "INSERT INTO accounts_review_cleanup (workspace_id, number, state, created_at, launched_by, confirmed_by,"
            " stopped_because, against_accepted) SELECT id, 9999, 'cancelled', now(), '', '', '{}', 0"
            " FROM accounts_review_workspace LIMIT 1 RETURNING id"
        )
        cleanup, cpu = cursor.fetchone()[0], pages.cpu_here()
        cursor.execute(_CASES, [cleanup, approver])
        cursor.execute(_BESIDE)
        cursor.execute(_ENTRIES)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        spent = pages.cpu_here() - cpu
        transaction.set_rollback(True)
    return {"rows": count, "cpu": spent}


_EVIDENCE = """jsonb_build_object('policy', 1, 'segment', s.segment, 'limit_days', s.limit_days, 'activity_at',
    s.activity_at, 'activity_field', s.activity_field, 'dormant_from', s.dormant_from, 'rights', s.rights, 'groups',
    a.groups, 'incarnation', a.incarnation, 'email', a.email, 'digest', a.digest, 'read_at', a.read_at)"""
_FROM = """FROM chosen JOIN accounts_review_account a ON a.id = chosen.id
    JOIN accounts_review_assessment s ON s.account_id = a.id"""
_CASES = f"""INSERT INTO accounts_review_case (cleanup_id, account_id, state, approved_by_id, approved_by_login,
    approved_at, put_by_login, reason, evidence, message_id, warned_to, link_key, reminders, rechecks, restored_by,
    moved_at) SELECT %s, a.id, 'in_draft', %s, 'bench', now(), '', 'bench', {_EVIDENCE}, '', '', '', '[]', '[]', '',
    now() {_FROM}"""
_BESIDE = """INSERT INTO accounts_review_personaldata (digest, account_id, name, details, salt)
    SELECT encode(sha256(kind || a.digest::bytea), 'hex'), a.id, CASE kind WHEN 'n' THEN a.username ELSE '' END,
    CASE kind WHEN 'n' THEN '{}' ELSE '{"email": "", "reason": "bench"}' END::jsonb, left(a.digest, 32)
    FROM chosen JOIN accounts_review_account a ON a.id = chosen.id, (VALUES ('n'::bytea), ('d')) AS kinds (kind)"""
_ENTRIES = f"""INSERT INTO accounts_review_auditentry (seq, at, workspace, actor_ref_id, kind, subject_ref_id,
    account_id, cleanup, data, personal_id, previous, digest, mark)
    SELECT 1000000000 + row_number() OVER (), now(), 'main', repeat('0', 64), 'account.approved',
    encode(sha256('n' || a.digest::bytea), 'hex'), a.id, 9999, {_EVIDENCE} - 'email',
    encode(sha256('d' || a.digest::bytea), 'hex'), repeat('0', 64), repeat('0', 64), repeat('0', 64)
    {_FROM}"""


def decide(name: str) -> dict[str, float]:
    """Take or undo one bulk decision, as the worker does; how many were decided on, and the longest portion."""
    from django.utils.timezone import now

    from accounts_review.models import BulkDecision, Workspace
    from accounts_review.workflow.review import bulk

    workspace = Workspace.objects.get()
    actor = _actor()
    if name == "undo":
        decision = bulk.undo(bulk=BulkDecision.objects.latest("pk"), actor=actor, now=now())
    else:
        given: dict[str, Any] = {"until": now() + timedelta(days=100)} if name == "exempt" else {}
        act: dict[str, Any] = {"actor": actor, "now": now(), "seen": bulk.newest(workspace), "reason": "bench"}
        decision = bulk.confirm(workspace=workspace, decision=name, accounts=_dormant(), **act, **given)
    began, cpu = list[float](), pages.cpu_here()

    def clock() -> datetime:
        began.append(time.monotonic())
        return now()

    bulk.carry_on(bulk=decision, clock=clock)
    ends, spent = [*began[1:], time.monotonic()], pages.cpu_here() - cpu
    decision.refresh_from_db()
    assert decision.state == "done", decision.state  # noqa: S101
    longest = max(end - start for start, end in zip(began, ends, strict=True))
    return {"rows": decision.decided, "longest": longest, "cpu": spent}


def _actor() -> Any:
    from django.contrib.auth.models import User

    return User.objects.filter(username="bench").first() or User.objects.create_superuser("bench")


def _dormant() -> list[int]:
    from django.utils.timezone import now

    from accounts_review.models import Account, Case

    # Those whom reviewers of the benchmark have put into the draft are in it already.
    free = Account.objects.reviewable().exclude(pk__in=Case.objects.open().values("account"))
    dormant = free.whose_verdict("dormant", now=now())
    return list(dormant.order_by("pk").values_list("pk", flat=True)[:MOST])


def parse_dump_hash() -> float:
    """What the digests cover, entries and what stands beside them, read, parsed, written and hashed, and no more."""
    from django.db import connection

    cpu = pages.cpu_here()
    for table, columns in DIGESTED.items():
        query = f"COPY (SELECT jsonb_build_array({columns}) FROM accounts_review_{table}) TO STDOUT"  # noqa: S608
        with connection.cursor() as cursor, cursor.copy(query) as lines:
            for line in lines:
                document = json.loads(bytes(line).replace(b"\\\\", b"\\"))
                text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
                hashlib.sha256(text.encode()).hexdigest()
    return pages.cpu_here() - cpu


def verify() -> dict[str, float]:
    """What the command does, without the checkpoint of this host."""
    from django.utils.timezone import now

    from accounts_review import audit

    newest, cpu = audit.newest_checkpoint(), pages.cpu_here()
    report = audit.verify_everything(now=now(), checkpoints=[newest])
    assert not report.flaws, report.flaws  # noqa: S101
    return {"entries": report.entries, "cpu": pages.cpu_here() - cpu}


def copy_entries() -> float:
    """The columns of an export of the audit, as the database writes them."""
    from django.db import connection

    query = (
        "COPY (SELECT e.*, a.name, s.name, s.salt, s.details, p.salt, p.details FROM accounts_review_auditentry e"
        " JOIN accounts_review_personaldata a ON a.digest = e.actor_ref_id LEFT JOIN accounts_review_personaldata s ON"
        " s.digest = e.subject_ref_id LEFT JOIN accounts_review_personaldata p ON p.digest = e.personal_id"
        " ORDER BY e.seq) TO STDOUT (FORMAT csv)"
    )
    cpu = pages.cpu_here()
    with connection.cursor() as cursor, cursor.copy(query) as lines:
        for _line in lines:
            pass
    return pages.cpu_here() - cpu


def export() -> float:
    from accounts_review.models import AuditEntry
    from accounts_review.spreadsheet.audit_rows import audit_lines

    cpu = pages.cpu_here()
    for _line in audit_lines(AuditEntry.objects.order_by("seq")):
        pass
    return pages.cpu_here() - cpu
