"""``/health/worker/``: whether what should happen by itself does, for whoever watches from outside.

``/health/`` says only whether this web server and its database serve, so that nothing restarts the web server because
of a worker. Neither asks for a login, and neither names a person, an account or a key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts_review.models import Hold, Run, Sync, Workspace

OPENMETRICS = "application/openmetrics-text"
OK = "OK"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthFinding:
    """What one check found: ``says`` is ``OK``, or what is wrong; ``since`` is the last time it was known good."""

    check: str
    workspace: str = ""
    says: str = OK
    since: datetime | None = None

    @property
    def name(self) -> str:
        return f"{self.check} of {self.workspace}" if self.workspace else self.check


def worker(now: datetime) -> list[HealthFinding]:
    """Whether any worker gives signs of life."""
    last = Run.objects.last_sign_of_life()
    if not Run.objects.is_silent(now):
        return [HealthFinding(check="worker", since=last)]
    state = f"no sign of life since {last:%Y-%m-%d %H:%M %Z}" if last else "no worker has ever run"
    return [HealthFinding(check="worker", says=f"{state}; start one, or read its log", since=last)]


def everything(now: datetime) -> list[HealthFinding]:
    """The worker, and for each workspace its last good sync and whether anything is on hold."""
    findings = worker(now)
    for workspace in Workspace.objects.filter(state=Workspace.State.ACTIVE):
        findings += [_sync(workspace, now), _hold(workspace)]
    return findings


def _sync(workspace: Workspace, now: datetime) -> HealthFinding:
    last = workspace.syncs.filter(state="complete").order_by("-finished_at").first()
    # A new workspace has its first night before it.
    since = last.finished_at if last and last.finished_at else workspace.created_at
    state = f"no good sync since {since:%Y-%m-%d %H:%M %Z}; see the page Syncs" if now - since > Sync.OLD else OK
    return HealthFinding(check="sync", workspace=workspace.name, says=state, since=since)


def _hold(workspace: Workspace) -> HealthFinding:
    state = OK
    if workspace.is_quarantined:
        state = "a sync looked wrong; nobody is revoked until an administrator has looked"
    if Hold.objects.open().over(workspace).exists():
        state = "everything is held; see the page Hold"
    return HealthFinding(check="hold", workspace=workspace.name, says=state)


def page(check: Callable[[datetime], list[HealthFinding]]) -> Callable[[HttpRequest], HttpResponse]:
    """A view of what a check finds: JSON with status 500 where anything is wrong, or OpenMetrics.

    The metrics say so in their values and come with status 200, because Prometheus drops what comes with another.
    """

    @never_cache
    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        findings = check(now())
        if request.GET.get("format") == "openmetrics" or OPENMETRICS in request.headers.get("Accept", ""):
            return HttpResponse(metrics(findings), content_type=f"{OPENMETRICS}; version=1.0.0; charset=utf-8")
        status = 200 if all(finding.says == OK for finding in findings) else 500
        return JsonResponse({finding.name: finding.says for finding in findings}, status=status)

    return view


def metrics(findings: list[HealthFinding]) -> str:
    """The findings in the format of OpenMetrics."""
    lines = [
        "# TYPE cleanup_portal_ok gauge",
        "# HELP cleanup_portal_ok 1 where nothing is wrong, else 0.",
    ]
    lines += [f"cleanup_portal_ok{_labels(finding)} {finding.says == OK:d}" for finding in findings]
    lines += ["# TYPE cleanup_portal_last_good_seconds gauge", "# UNIT cleanup_portal_last_good_seconds seconds"]
    lines += ["# HELP cleanup_portal_last_good_seconds When it was last known good, in seconds since 1970."]
    lines += [
        f"cleanup_portal_last_good_seconds{_labels(finding)} {finding.since.timestamp():.0f}"
        for finding in findings
        if finding.since
    ]
    return "\n".join([*lines, "# EOF", ""])


def _labels(finding: HealthFinding) -> str:
    # A workspace's name is a slug, so there is nothing to escape.
    workspace = f',workspace="{finding.workspace}"' if finding.workspace else ""
    return f'{{check="{finding.check}"{workspace}}}'
