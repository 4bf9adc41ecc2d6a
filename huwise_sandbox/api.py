"""The vendor's routes: users, groups and API keys."""

import csv
import io
from collections.abc import Callable
from typing import Any

from . import invitations
from .listing import (
    PageBounds,
    Selection,
    envelope,
    found,
    one_value,
    sort_groups,
    values,
)
from .paging import Paging
from .records import Record, group_uids, own_permissions
from .replies import NO_CONTENT, Refusal, Reply, error, invalid, last_administrator
from .request import RawRequest, segments
from .workspace import ADMINISTRATOR, LastAdministrator, SandboxWorkspace

BASE = "/api/automation/v1.0"

CSV_COLUMNS = (
    "username",
    "last_name",
    "first_name",
    "email",
    "date_joined",
    "last_seen",
    "groups",
    "permissions",
)

Route = Callable[..., Reply]


class AutomationApi:
    """Answers requests below `BASE`, from the state of one workspace."""

    def __init__(self, workspace: SandboxWorkspace, paging: Paging) -> None:
        self.workspace = workspace
        self.paging = paging
        # The first pattern that fits decides; None stands for any one segment. A user
        # called "export" is therefore out of reach, as it is behind the real routes.
        self._routes: tuple[tuple[tuple[str | None, ...], dict[str, Route]], ...] = (
            (("users",), {"GET": self._list_users}),
            (("users", "export"), {"GET": self._export}),
            (("users", "invite"), {"POST": self._invite}),
            (("users", "provision"), {"POST": self._provision}),
            (
                ("users", None),
                {"GET": self._user, "PUT": self._update, "DELETE": self._delete},
            ),
            (("groups",), {"GET": self._list_groups}),
            (("groups", None), {"GET": self._group}),
            (("groups", None, "users"), {"GET": self._members}),
            (("apikeys",), {"GET": self._keys}),
            (("apikeys", "search_key"), {"POST": self._search_key}),
        )

    def answer(self, request: RawRequest) -> Reply:
        """Do what the request asks, and say what became of it."""
        try:
            if not request.path.endswith("/"):
                return _with_slash(request)
            key = self._authenticate(request)
            route, arguments = self._resolve(request)
            if route not in (self._keys, self._search_key):
                self._authorize(key)
            return route(request, *arguments)
        except Refusal as refusal:
            return refusal.reply

    def _resolve(self, request: RawRequest) -> tuple[Route, list[str]]:
        path = segments(request.path.removeprefix(BASE)[:-1])
        for pattern, methods in self._routes:
            if _fits(pattern, path):
                if request.method not in methods:
                    raise Refusal(error(405))
                given = zip(pattern, path, strict=True)
                return methods[request.method], [p for want, p in given if want is None]
        raise Refusal(error(404))

    def _authenticate(self, request: RawRequest) -> Record:
        # The contract also knows ?apikey=. Not here: it leaks into logs, and a client
        # that relies on it should find out.
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        key = self.workspace.key(secret.strip())
        if scheme.lower() != "apikey" or key is None:
            raise Refusal(error(401))
        return key

    def _authorize(self, key: Record) -> None:
        """Refuse a key that is too weak; which rights are needed is an assumption."""
        owner = self.workspace.user(key["user"]["username"])
        rights = set(own_permissions(key))
        if owner:
            rights &= self.workspace.effective_permissions(owner)
        if ADMINISTRATOR not in rights:
            raise Refusal(error(403))

    # Users

    def _list_users(self, request: RawRequest) -> Reply:
        page, selection = PageBounds.of(request.query), Selection.of(request.query)
        self.paging.before_page(selection, page)
        return _page(request, self.workspace.users(selection), page)

    def _user(self, request: RawRequest, username: str) -> Reply:
        record = _or_404(self.workspace.user(username))
        if "groups" in values(request.query, "expand"):
            record = self._expanded(record)
        return Reply(200, record)

    def _expanded(self, record: Record) -> Record:
        if not group_uids(record):
            return record
        groups = [self.workspace.group(u) or {"uid": u} for u in group_uids(record)]
        return record | {"groups": groups}

    def _update(self, request: RawRequest, username: str) -> Reply:
        """Replace the writable fields that were sent.

        Whether the vendor keeps or empties those that were not is undocumented; this
        keeps them.
        """
        _or_404(self.workspace.user(username))
        fields = invitations.writable_fields(self.workspace, request.json())
        return Reply(200, _or_404(self.workspace.update(username, fields)))

    def _delete(self, _request: RawRequest, username: str) -> Reply:
        try:
            removed = self.workspace.remove(username, guarded=True)
        except LastAdministrator:
            return last_administrator()
        return Reply(NO_CONTENT) if removed else error(404)

    def _invite(self, request: RawRequest) -> Reply:
        return Reply(200, invitations.invite(self.workspace, request.json()))

    def _provision(self, request: RawRequest) -> Reply:
        return Reply(200, invitations.provision(self.workspace, request.json()))

    def _export(self, request: RawRequest) -> Reply:
        delimiter = one_value(request.query, "delimiter", ",")
        if len(delimiter) != 1 or delimiter in '\r\n"':
            raise Refusal(invalid(delimiter=["Exactly one character is required."]))
        text = io.StringIO()
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        titles = {group["uid"]: group["title"] for group in self.workspace.groups()}
        for record in self.workspace.users(Selection(sort=("username",))):
            writer.writerow(_csv_row(record, titles))
        return Reply(200, text.getvalue(), content_type="text/csv")

    # Groups

    def _list_groups(self, request: RawRequest) -> Reply:
        page = PageBounds.of(request.query)
        search = one_value(request.query, "search", "").strip().casefold()
        wanted = set(values(request.query, "permissions"))
        rows = [
            group
            for group in sort_groups(self.workspace.groups(), request.query)
            if found(group, ("uid", "title", "description"), search) and wanted <= set(own_permissions(group))
        ]
        return _page(request, rows, page)

    def _group(self, _request: RawRequest, uid: str) -> Reply:
        return Reply(200, _or_404(self.workspace.group(uid)))

    def _members(self, request: RawRequest, uid: str) -> Reply:
        _or_404(self.workspace.group(uid))
        return _page(request, self.workspace.members(uid), PageBounds.of(request.query))

    # API keys

    def _keys(self, request: RawRequest) -> Reply:
        return _page(request, [self._authenticate(request)], PageBounds.of(request.query))

    def _search_key(self, request: RawRequest) -> Reply:
        body = request.json()
        secret = body.get("key") if isinstance(body, dict) else None
        if not isinstance(secret, str):
            raise Refusal(invalid(key=["This field is required"]))
        key = self.workspace.key(secret)
        return Reply(200, {"found": key is not None, "result": key})


def _fits(pattern: tuple[str | None, ...], path: tuple[str, ...]) -> bool:
    return len(pattern) == len(path) and all(want in (None, part) for want, part in zip(pattern, path, strict=True))


def _with_slash(request: RawRequest) -> Reply:
    _, mark, query = request.target.partition("?")
    location = f"{request.path}/{mark}{query}"
    return Reply(301, error(404).payload, headers=(("Location", location),))


def _or_404(record: Record | None) -> Record:
    if record is None:
        raise Refusal(error(404))
    return record


def _page(request: RawRequest, rows: list[Record], page: PageBounds) -> Reply:
    return Reply(
        200,
        envelope(page.cut(rows), len(rows), page, url=request.url, query=request.query),
    )


def _csv_row(record: Record, titles: dict[str, str]) -> list[Any]:
    return [
        record["username"],
        record.get("last_name"),
        record.get("first_name"),
        record.get("email"),
        str(record.get("joined_at") or "").replace("T", " "),
        str(record.get("last_seen_at") or "").replace("T", " "),
        ";".join(titles.get(uid, uid) for uid in group_uids(record)),
        ";".join(own_permissions(record)),
    ]
