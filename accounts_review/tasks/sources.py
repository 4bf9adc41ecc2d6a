"""Where each workspace is and which key reads it: the environment describes one, administrators store others.

Clock and settings are read here, as at every edge.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts_review.huwise import Client, Reach, Route, host_at, host_of
from accounts_review.models import Access, AuditKey, StoredKey, Workspace
from accounts_review.models.prepared import Prepared
from accounts_review.wording.findings import Found
from accounts_review.workflow import connect, workspaces
from accounts_review.workflow.people import factors
from accounts_review.workflow.workspaces import NotPossible
from cleanup_portal import demo_clock
from cleanup_portal.logs import hide

PATIENCE_SECONDS = 10.0
"""So long a person who tests an address waits for each answer, of which there are few."""


def described_workspaces() -> list[Workspace]:
    """Those that the environment describes; a new one is opened under the default policy.

    Raises ``ImproperlyConfigured`` where one of them is known by another name, or its name or address is none.
    """
    return [
        workspaces.open_workspace(name=name, host=_described_host(described["url"]), now=now())
        for name, described in settings.HUWISE.items()
    ]


def _described_host(url: str) -> str:
    try:
        return host_at(url)
    except ValueError as error:
        raise ImproperlyConfigured(f"HUWISE_URL: {error}") from None


def stored_workspaces() -> list[Workspace]:
    """Those that administrators added, retired ones excepted."""
    others = Workspace.objects.exclude(stored_key=None).exclude(name__in=settings.HUWISE)
    return list(others.exclude(state=Workspace.State.RETIRED))


def all_workspaces() -> list[Workspace]:
    """Both, with those that are paused. Raises ``ImproperlyConfigured``, as :func:`described_workspaces`."""
    found = [*described_workspaces(), *stored_workspaces()]
    return sorted((each for each in found if each.state != Workspace.State.RETIRED), key=lambda each: each.name)


def known_workspaces() -> list[Workspace]:
    """The workspaces that the portal acts on now. Raises ``ImproperlyConfigured``."""
    return [each for each in all_workspaces() if each.is_active]


def is_described(workspace: Workspace) -> bool:
    """Whether the environment says where it is: then nothing else does."""
    return workspace.name in settings.HUWISE


_STORED = Prepared(lambda workspace: StoredKey.objects.filter(workspace=workspace).values_list("pk"), workspace=int)


def is_reachable(workspace: Workspace) -> bool:
    """Whether anything says where it is, and it is neither paused nor retired."""
    return workspace.is_active and (is_described(workspace) or bool(_STORED.rows(workspace=workspace.pk)))


def access_to(workspace: Workspace) -> Access:
    """How to reach a workspace. Raises ``ImproperlyConfigured`` where that is not known, or it is not to be reached."""
    if not workspace.is_active:
        raise ImproperlyConfigured(
            _("The workspace %(name)s is %(state)s; an administrator can resume it in its settings.")
            % {"name": workspace, "state": workspace.get_state_display()}
        )
    if is_described(workspace):
        described = settings.HUWISE[workspace.name]
        return Access(url=described["url"], api_key=described["api_key"], key_owner=described["key_owner"])
    stored = StoredKey.objects.select_related("workspace").filter(workspace=workspace).first()
    if stored is None:
        raise ImproperlyConfigured(
            _(
                "The environment does not describe the workspace %(name)s, and no key is stored for it. Set HUWISE_URL "
                "and HUWISE_API_KEY, or enter address and key in its settings."
            )
            % {"name": repr(workspace.name)}
        )
    return stored.access()


def open_client(workspace: Workspace) -> Client:
    """A client for a workspace. Raises ``ImproperlyConfigured``."""
    access = access_to(workspace)
    described = is_described(workspace)
    try:
        return Client(url=access.url, api_key=access.api_key, route=_route(described=described))
    except ValueError as error:
        variable = "HUWISE_API_KEY" if host_of(access.url) else "HUWISE_URL"
        where = variable if described else f"The settings of {workspace}"
        raise ImproperlyConfigured(f"{where}: {error}") from None


def are_all_pretended() -> bool:
    """Whether each workspace that is described or stored, in whatever state, is one of the sandbox."""
    stored = StoredKey.objects.values_list("url", flat=True)
    return all(map(demo_clock.is_sandbox, [*(described["url"] for described in settings.HUWISE.values()), *stored]))


def trial_client(access: Access) -> Client:
    """A client for what somebody entered, which asks once. Raises ``ValueError``, in words and without the key."""
    if settings.IS_DEMO and not demo_clock.is_sandbox(access.url):
        raise NotPossible(
            _("This is the demo, whose clock can be moved. Connect a real workspace to a portal of its own.")
        )
    route = _route(described=False)
    return Client(url=access.url, api_key=access.api_key, route=route, attempts=1, patience=PATIENCE_SECONDS)


def renew_keys() -> None:
    """Encrypt under the present ``SECRET_KEY`` what was stored under a former one; what cannot be read stays."""
    renew_stored_keys()
    AuditKey.renew()
    factors.renew()


def renew_stored_keys() -> None:
    """The same for the keys of workspaces that were added in the portal."""
    for stored in StoredKey.objects.select_related("workspace"):
        try:
            stored.access()
        except ImproperlyConfigured:
            continue


def try_out(access: Access) -> list[Found]:
    """What a connection check finds at an address, with a key; nothing is kept. Raises ``ValueError``."""
    hide(access.api_key)
    with trial_client(access) as client:
        return connect.test(access=access, client=client, clock=now)


def add_workspace(*, name: str, access: Access, description: connect.Description, actor: User | None) -> Workspace:
    """Add a workspace that answers; see :func:`connect.add`. Raises ``ValueError`` and ``PermissionDenied``."""
    hide(access.api_key)
    described_workspaces()
    with trial_client(access) as client:
        return connect.add(name=name, access=access, client=client, description=description, actor=actor, clock=now)


def reconnect(workspace: Workspace, *, access: Access, actor: User, seen: str | None = None) -> None:
    """Reach a stored workspace otherwise; see :func:`connect.reconnect`."""
    hide(access.api_key)
    refuse_described(workspace)
    with trial_client(access) as client:
        connect.reconnect(workspace=workspace, access=access, client=client, actor=actor, clock=now, seen=seen)


def refuse_described(workspace: Workspace) -> None:
    """Raise :class:`NotPossible` where the environment describes a workspace: only there it can be changed."""
    if is_described(workspace):
        raise NotPossible(
            _("%(name)s is described by the environment: change HUWISE_URL and HUWISE_API_KEY there.")
            % {"name": workspace}
        )


def retire(workspace: Workspace, *, actor: User, reason: str) -> None:
    """Retire a stored workspace; see :func:`workspaces.retire`."""
    refuse_described(workspace)
    workspaces.retire(workspace=workspace, actor=actor, reason=reason, now=now())


def _route(*, described: bool) -> Route:
    """The way there: the environment is trusted, what somebody entered leads only where settings allow."""
    private = described or settings.HUWISE_PRIVATE_NETWORKS
    reach = Reach(private=private, loopback=private or not settings.IS_PUBLIC)
    return Route(proxy=settings.HUWISE_PROXY, authorities=settings.HUWISE_CA, reach=reach)
