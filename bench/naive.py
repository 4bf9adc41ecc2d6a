"""The script that people run today: read every page, keep it all in a list, filter, write a CSV."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx


def read_all(url: str, target: str) -> int:
    """Write who was not seen for two years into a file; returns how many those are."""
    users: list[dict[str, str]] = []
    with httpx.Client(base_url=url, timeout=60) as client:
        while True:
            params: dict[str, str | int] = {"limit": 1000, "offset": len(users), "sort": "username"}
            page = json.loads(client.get("/api/automation/v1.0/users/", params=params).content)
            users += page["results"]
            if not page["results"] or len(users) >= page["total_count"]:
                break
    limit = datetime.now(UTC) - timedelta(days=730)
    idle = [user for user in users if datetime.fromisoformat(user["last_seen_at"] or user["joined_at"]) < limit]
    with Path(target).open("w", newline="") as file:
        csv.writer(file).writerows((user["username"], user["email"], user["last_seen_at"]) for user in idle)
    return len(idle)
