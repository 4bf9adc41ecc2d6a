"""Sessions as Django keeps them in the database, looked up by a statement that is prepared: each page asks for one."""

from __future__ import annotations

from datetime import datetime

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils.timezone import now

from accounts_review.models.prepared import Prepared

_ALIVE = Prepared(lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now), key=str, now=datetime)


class SessionStore(db.SessionStore):
    """One session. The name is part of what Django signs its content with."""

    def _get_session_from_db(self) -> Session | None:
        # A cookie may say anything, also what the database cannot hold.
        is_key = self.session_key is not None and "\0" not in self.session_key
        found: list[Session] = _ALIVE.objects(key=self.session_key, now=now()) if is_key else []
        if found:
            return found[0]
        self._session_key = None
        return None
