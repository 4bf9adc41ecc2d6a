"""The outside world: one small client of a Huwise workspace's Automation API.

The parts, each of which needs only those before it:

- ``headers``: instants that a workspace states, in every form seen
- ``errors``: what can go wrong, as a tree of exceptions
- ``wire``: JSON cut into raw pieces
- ``records``: users and groups, typed and read leniently
- ``invitation``: what inviting a person says, and what its answer means
- ``address``: where a request may go
- ``route``: through which proxy a request goes, and whose certificates are trusted
- ``connection``: one HTTP exchange, and how its failures become exceptions
- ``client``: the calls, and which of them are repeated

Everything here is synchronous, knows nothing of Django, and decides nothing.
"""

from .address import host_at, host_of, path_segment
from .client import Client, Deletion, Page
from .errors import (
    Forbidden,
    HuwiseError,
    NotFound,
    RateLimited,
    Redirected,
    Refused,
    ServerFault,
    Unauthorized,
    UnexpectedAnswer,
    Unreachable,
    UnsafeUsername,
    stops_cleanup,
)
from .invitation import Invitee, person_of
from .private import Reach
from .records import GroupRecord, UserRecord, decode_group, decode_groups, decode_user, digest_of
from .route import Route

__all__ = [
    "Client",
    "Deletion",
    "Forbidden",
    "GroupRecord",
    "HuwiseError",
    "Invitee",
    "NotFound",
    "Page",
    "RateLimited",
    "Reach",
    "Redirected",
    "Refused",
    "Route",
    "ServerFault",
    "Unauthorized",
    "UnexpectedAnswer",
    "Unreachable",
    "UnsafeUsername",
    "UserRecord",
    "decode_group",
    "decode_groups",
    "decode_user",
    "digest_of",
    "host_at",
    "host_of",
    "path_segment",
    "person_of",
    "stops_cleanup",
]
