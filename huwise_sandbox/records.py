"""The shape of users, groups and API keys, as the vendor's contract puts them.

Records are plain dictionaries because a sandbox must be able to hold what no schema
allows: absent keys, nulls and rubbish. **A record is never changed in place**: it is
replaced, so that a page can be written to a socket without holding the lock.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Record = dict[str, Any]

DATE_FIELDS = ("joined_at", "last_seen_at", "last_login_at")

# The vendor's specification lists the first sixteen; the last five are known to its SDK
# only, and are in use all the same.
KNOWN_PERMISSIONS = frozenset(
    {
        "edit_domain",
        "create_page",
        "edit_page",
        "manage_page",
        "explore_restricted_page",
        "create_dataset",
        "edit_dataset",
        "publish_dataset",
        "manage_dataset",
        "explore_restricted_dataset",
        "edit_reuse",
        "manage_subdomains",
        "explore_monitoring",
        "edit_theme",
        "edit_form",
        "submit_private_form",
        "create_external_asset",
        "edit_external_asset",
        "explore_restricted_external_asset",
        "manage_glossary",
        "manage_showcase_requests",
    }
)


@dataclass
class Snapshot:
    """Everything a workspace is made of, ready to be served or written to a file."""

    users: list[Record]
    groups: list[Record]
    keys: list[Record] = field(default_factory=list)
    former: list[Record] = field(default_factory=list)
    service_user: str = "svc.cleanup"


def instant(moment: datetime) -> str:
    """Write a moment the way the API does: ISO, UTC, microseconds unless zero."""
    return moment.astimezone(UTC).isoformat()


def gravatar(email: str | None) -> str:
    """Return the avatar address the API would show for an e-mail address."""
    text = (email or "").strip().lower().encode()
    digest = hashlib.md5(text, usedforsecurity=False).hexdigest()
    return f"//www.gravatar.com/avatar/{digest}?d=mm&s=80"


def user(username: str, email: str | None, **fields: Any) -> Record:
    """Return a complete user object; ``fields`` override the plain defaults."""
    record: Record = {
        "username": username,
        "display_name": username,
        "first_name": "",
        "last_name": "",
        "is_active": True,
        "email": email,
        "is_ods": False,
        "account_type": "global",
        "permissions": [],
        "joined_at": None,
        "last_seen_at": None,
        "last_login_at": None,
        "expires_at": None,
        "explore_limits": {},
        "management_limits": {},
        "gravatar_url": gravatar(email),
        "groups": [],
        "identity_providers": [{"uid": "opendatasoft"}],
    }
    record.update(fields)
    return record


def group(uid: str, title: str, permissions: list[str], **fields: Any) -> Record:
    """Return a complete group object, without its live ``user_count``."""
    record: Record = {
        "uid": uid,
        "title": title,
        "description": "",
        "user_count": 0,
        "permissions": permissions,
        "explore_limits": {},
        "management_limits": {},
        "created_at": None,
        "updated_at": None,
        "created_by": {"username": "claire.admin"},
        "updated_by": {"username": "claire.admin"},
    }
    record.update(fields)
    return record


def api_key(uid: str, owner: str, key: str, **fields: Any) -> Record:
    """Return a complete, valid API key object owned by ``owner``."""
    record: Record = {
        "uid": uid,
        "label": uid,
        "key": key,
        "permissions": [],
        "created_at": "2024-01-10T08:00:00+00:00",
        "user": {"username": owner},
        "revocation_status": {"revoked_at": None, "revocation_reason": ""},
        "is_revoked": False,
    }
    record.update(fields)
    return record


def group_uids(record: Record) -> list[str]:
    """Return the uids of a user's groups, none where the list is null or absent."""
    groups = record.get("groups")
    if not isinstance(groups, list):
        return []
    uids = (entry.get("uid") for entry in groups if isinstance(entry, dict))
    return [uid for uid in uids if isinstance(uid, str)]


def own_permissions(record: Record) -> list[str]:
    """Return the permissions of a user or group, none where null or absent."""
    permissions = record.get("permissions")
    if not isinstance(permissions, list):
        return []
    return [permission for permission in permissions if isinstance(permission, str)]
