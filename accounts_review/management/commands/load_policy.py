"""``manage.py load_policy``: put a new version of the policy in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.utils.timezone import now

from accounts_review.management.shell import WorkspaceCommand, actor_named, add_reason, in_words
from accounts_review.models import PolicyPreview, Workspace
from accounts_review.rules.policy import PolicyError, decode
from accounts_review.wording import policies, policy_findings
from accounts_review.wording.instants import portal_day
from accounts_review.workflow.assess import assess
from accounts_review.workflow.policy import preview
from accounts_review.workflow.policy.impact import Impact

LARGEST_FILE = 2_000_000


class Command(WorkspaceCommand):
    help = "Validate and activate a policy as a new version; prints how many accounts change their verdict."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE", help="policy file (TOML)")
        parser.add_argument("--actor", metavar="LOGIN", help="your login")
        add_reason(parser, "why; recorded with the version", required=False)
        parser.add_argument("--dry-run", action="store_true", help="change nothing; print what the preview page shows")

    def act(self, workspace: Workspace, **options: Any) -> None:
        text = _text_of(options["file"])
        actor = actor_named(options["actor"])
        if not options["dry_run"]:
            self._load(workspace, text, actor, options["reason"] or "")
            return
        with transaction.atomic():
            reason = options["reason"] or ""
            policy_preview = preview.propose(workspace=workspace, text=text, actor=actor, reason=reason, now=now())
            _judge(policy_preview)
            impact = Impact(policy_preview, now=now())
            for line in (*_warnings(policy_preview), *_changes(policy_preview), *_effects(impact), _moved(impact)):
                self.stdout.write(line)
            transaction.set_rollback(True)
        self.stdout.write("dry run: nothing was changed")

    def _load(self, workspace: Workspace, text: str, actor: User | None, reason: str) -> None:
        policy_preview = preview.propose(workspace=workspace, text=text, actor=actor, reason=reason, now=now())
        version = preview.activate_at_one_look(policy_preview=policy_preview, actor=actor, now=now())
        if version is None:
            _judge(policy_preview)
            seen = preview.stamp(policy_preview)
            version = preview.activate(policy_preview=policy_preview, seen=seen, actor=actor, now=now(), is_shell=True)
        last = _moved(Impact(policy_preview, now=now()))
        for line in (*_warnings(policy_preview), f"version {version.number} is in force", last):
            self.stdout.write(line)


def _text_of(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return decode(file.read(LARGEST_FILE))
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None
    except PolicyError as error:
        raise CommandError(f"{path} cannot be read: {error}") from None


def _judge(policy_preview: PolicyPreview) -> None:
    if not (policy_preview.over.is_judged and policy_preview.moved_limits is not None):
        # Where all follows from the judgements in force, they are seen to anyway.
        assess.assess(workspace=policy_preview.workspace)
    preview.judge(policy_preview=policy_preview, clock=now)
    policy_preview.refresh_from_db()


def _warnings(policy_preview: PolicyPreview) -> Iterator[str]:
    yield from (f"warning: {policy_findings.in_words(found)}" for found in policy_preview.findings)


def _changes(policy_preview: PolicyPreview) -> Iterator[str]:
    for change in policies.changes(policy_preview.over.rules, policy_preview.rules):
        if change.before:
            yield f"before: {change.before}"
        yield f"after: {change.after or '(removed)'}"
        yield f"  {change.takes_effect}"


def _effects(impact: Impact) -> Iterator[str]:
    for held in impact.segments:
        yield (
            f"segment {held.name}: accounts {held.before:,} to {held.after:,}, "
            f"dormant {held.dormant_before:,} to {held.dormant_after:,}"
        )
    for case in impact.cases:
        yield f"cases {case.state.replace('_', ' ')}: {case.count:,}, would be spared {case.spared:,}"
    promises = impact.promises
    if promises.first and promises.last:
        first, last = portal_day(promises.first), portal_day(promises.last)
        yield f"promised dates that stand: {promises.count:,}, from {first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _moved(impact: Impact) -> str:
    moved = Counter({f"{row.before} to {cell.after}": cell.count for row in impact.matrix for cell in row.cells})
    return (
        f"verdicts changed: {in_words({way: count for way, count in moved.items() if len(set(way.split(' to '))) > 1})}"
    )
