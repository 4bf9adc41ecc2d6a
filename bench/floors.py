"""Floors and peers: what storing the same accounts takes by COPY alone, and by the ORM."""

from __future__ import annotations

from collections.abc import Iterator

from frame import Cost, Figure, Ground, cost_of

ORM = 5_000
"""So many by ``bulk_create``, scaled to all: it takes as long for each."""


def measure(ground: Ground) -> Iterator[Figure]:
    accounts = ground.shape.accounts
    floor = cost_of(copy_accounts)
    yield Figure("accounts by COPY, no index", against="itself", ratio=1, cost=floor)
    peer = cost_of(bulk_create)
    scale = accounts / min(ORM, accounts)
    scaled = Cost(peer.wall * scale, peer.cpu * scale, peer.database * scale, peer.peak)
    yield Figure("accounts by bulk_create, scaled", against="COPY", ratio=scaled.cpus / floor.cpus, cost=scaled)


def copy_accounts() -> None:
    """All stored accounts into a bare table, by way of this process: their bytes out, and in again."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE UNLOGGED TABLE bench_account (LIKE accounts_review_account)")
        rows: list[bytes] = []
        with cursor.copy("COPY accounts_review_account TO STDOUT (FORMAT binary)") as copy:
            rows.extend(bytes(block) for block in copy)
        with cursor.copy("COPY bench_account FROM STDIN (FORMAT binary)") as copy:
            for block in rows:
                copy.write(block)
        cursor.execute("DROP TABLE bench_account")


def bulk_create() -> None:
    """As many accounts by the ORM, with the indexes in place; they go again."""
    from django.db import transaction

    from accounts_review.models import Account

    with transaction.atomic():
        rows = list(Account.objects.order_by("pk")[:ORM])
        for row in rows:
            row.pk, row.incarnation = None, f"{row.incarnation} again"
        Account.objects.bulk_create(rows, batch_size=1000)
        transaction.set_rollback(True)
