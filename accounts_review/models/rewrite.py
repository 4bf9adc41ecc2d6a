"""One process at a time rewrites very many rows of a workspace; the others wait."""

from __future__ import annotations

from django.db import connection

from accounts_review.models.workspace import Workspace


def wait_to_rewrite(workspace: Workspace | int) -> None:
    """Wait until nobody else rewrites the accounts or the judgements of a workspace, up to the end of the transaction.

    Taken before any row is locked: a sync and a policy that comes into force lock the same rows in different orders,
    and either would be ended for it.
    """
    with connection.cursor() as cursor:
        key = workspace if isinstance(workspace, int) else workspace.pk
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [0x72657772, key])
