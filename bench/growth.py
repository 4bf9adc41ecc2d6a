"""Growth: how figures grow with the workspace, drawn from what earlier runs kept in ``var/bench``.

    python bench/growth.py      # writes docs/screenshots/growth.svg

A line is straight where something takes twice as long for twice as many. CPU seconds, which other work on the machine
disturbs least; both axes by powers of ten.
"""

from __future__ import annotations

import json
from collections import defaultdict
from math import log10
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("the naive script", "first sync with judging", "sync, nothing changed", "a policy that moves few")
COLOURS = ("#6b7280", "#1d4ed8", "#047857", "#b45309")
WIDTH, HEIGHT, LEFT, BOTTOM = 760, 420, 60, 50
ACCOUNTS, SECONDS = (3, 6), (-2, 3)
"""The axes, as powers of ten."""


def main() -> None:
    points = _points()
    lines = [_frame(), *(_line(name, colour, points[name]) for name, colour in zip(NAMES, COLOURS, strict=True))]
    legend = "".join(
        f'<text x="{LEFT + 12}" y="{24 + 20 * row}" fill="{colour}">{name}</text>'
        for row, (name, colour) in enumerate(zip(NAMES, COLOURS, strict=True))
    )
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
    (ROOT / "docs/screenshots/growth.svg").write_text("\n".join([head, *lines, legend, "</svg>\n"]))


def _points() -> dict[str, dict[int, float]]:
    """By name and number of accounts, the CPU seconds of the newest run of the ordinary shape."""
    found: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for kept in sorted((ROOT / "var" / "bench").glob("*.json")):
        run: dict[str, Any] = json.loads(kept.read_text())
        for figure in run["figures"]:
            if figure["cost"] and run["shape"]["groups"] == 1:
                spent = figure["cost"]["cpu"] + figure["cost"]["database"]
                found[figure["name"]][run["shape"]["accounts"]] = spent
    return found


def _x(accounts: float) -> float:
    low, high = ACCOUNTS
    return LEFT + (log10(accounts) - low) / (high - low) * (WIDTH - LEFT - 20)


def _y(seconds: float) -> float:
    low, high = SECONDS
    return HEIGHT - BOTTOM - (log10(max(seconds, 10**low)) - low) / (high - low) * (HEIGHT - BOTTOM - 10)


def _frame() -> str:
    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for power in range(ACCOUNTS[0], ACCOUNTS[1] + 1):
        x = _x(10**power)
        parts.append(f'<line x1="{x:.0f}" x2="{x:.0f}" y1="10" y2="{HEIGHT - BOTTOM}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{x:.0f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{10**power:,}</text>')
    for power in range(SECONDS[0], SECONDS[1] + 1):
        y = _y(10**power)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y:.0f}" y2="{y:.0f}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{10.0**power:g}</text>')
    parts.append(
        f'<text x="{WIDTH / 2:.0f}" y="{HEIGHT - 10}" text-anchor="middle">accounts; CPU seconds upwards</text>'
    )
    return "".join(parts)


def _line(name: str, colour: str, seconds: dict[int, float]) -> str:
    places = [(_x(accounts), _y(seconds[accounts])) for accounts in sorted(seconds)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
    style = f'fill="none" stroke="{colour}" stroke-width="2"'
    return f'<polyline points="{line}" {style}><title>{name}</title></polyline>{dots}'


if __name__ == "__main__":
    main()
