"""``/_sandbox/``: what a test does behind the API's back. No key is asked for.

    GET    /_sandbox/                  what there is, and what was asked of it
    POST   /_sandbox/faults            a list of faults (see `faults`) replaces the old
    DELETE /_sandbox/faults            no more faults
    POST   /_sandbox/users/NAME        change or create a user in place
    DELETE /_sandbox/users/NAME        remove one, last administrator or not
    POST   /_sandbox/settings          {"mutate_while_paging": {"delete": 1, "add": 1}}

In a user's fields, ``"now"`` as a date means this moment, and ``"absent": [...]`` names
keys to leave out of the record altogether.
"""

from . import clock
from .faults import Faults
from .journal import Journal
from .listing import Selection
from .paging import Paging
from .records import DATE_FIELDS, Record, instant, user
from .replies import NO_CONTENT, Refusal, Reply, error
from .request import RawRequest, segments
from .workspace import SandboxWorkspace

PREFIX = "/_sandbox"
VERSION = 1


class ControlPlane:
    """Answers requests below `PREFIX`."""

    def __init__(self, workspace: SandboxWorkspace, faults: Faults, journal: Journal, paging: Paging) -> None:
        self.workspace = workspace
        self.faults = faults
        self.journal = journal
        self.paging = paging

    def answer(self, request: RawRequest) -> Reply:
        """Do what was ordered; a wrong order is a 400 that says what is wrong."""
        try:
            return self._route(request)
        except Refusal as refusal:
            return refusal.reply
        except (ValueError, TypeError) as failure:
            return error(400, message=str(failure))

    def _route(self, request: RawRequest) -> Reply:
        path = segments(request.path.removeprefix(PREFIX).strip("/"))
        match request.method, path:
            case "GET", ("",):
                return Reply(200, self._describe())
            case "POST", ("faults",):
                self.faults.order(request.json())
                return Reply(200, self.faults.describe())
            case "DELETE", ("faults",):
                self.faults.order([])
                return Reply(NO_CONTENT)
            case "POST", ("users", username):
                return self._put_user(username, request.json())
            case "DELETE", ("users", username):
                removed = self.workspace.remove(username, guarded=False)
                return Reply(NO_CONTENT) if removed else error(404)
            case "POST", ("settings",):
                return Reply(200, self._settings(request.json()))
        raise Refusal(error(404))

    def _describe(self) -> Record:
        with self.workspace.lock:
            counts = {
                "users": len(self.workspace.users(Selection())),
                "groups": len(self.workspace.groups()),
                "apikeys": self.workspace.key_count(),
                "administrators": len(self.workspace.administrators()),
            }
        return {
            "version": VERSION,
            "service_user": self.workspace.service_user,
            "counts": counts,
            "changes": self.workspace.version,
            "faults": self.faults.describe(),
            "settings": self.paging.describe(),
        } | self.journal.describe()

    def _put_user(self, username: str, fields: object) -> Reply:
        if not isinstance(fields, dict) or not username:
            raise ValueError("an object of user fields and a username are required")
        now = instant(clock.now())
        absent = fields.pop("absent", [])
        touched = {k: now for k in DATE_FIELDS if fields.get(k) == "now"}
        with self.workspace.lock:
            old = self.workspace.user(username)
            base = old or user(username, f"{username}@example.org", joined_at=now)
            record = base | fields | touched | {"username": username}
            record = {k: v for k, v in record.items() if k not in absent}
            self.workspace.put(record | {"username": username})
        return Reply(200 if old else 201, record)

    def _settings(self, settings: object) -> Record:
        if not isinstance(settings, dict) or set(settings) != {"mutate_while_paging"}:
            raise ValueError("the one setting is mutate_while_paging")
        self.paging.order(settings["mutate_while_paging"])
        return self.paging.describe()
