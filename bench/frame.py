"""The frame of the benchmarks: figures are ratios of two things that were measured in the same run.

To add a measurement, write a module beside this one with a function ``measure(ground: Ground) -> Iterator[Figure]``
and name the module in ``MODULES`` of ``bench/__main__.py``, after those whose data it needs. There, in this order:

- the portal is configured (``django.setup()`` was called), its database runs, the API answers at ``ground.url``;
- after ``sync``, ``ground.shape.accounts`` people are read and judged in the workspace ``main``.

``cost_of(function, ...)`` runs a function of a bench module in a process of its own, so that its memory and its CPU are
its own, and gives their :class:`Cost`. What is quick enough may be timed in place. Yield a :class:`Figure` for each:

    floor, ours = cost_of(bare_loop), cost_of(portal_loop)
    yield Figure("one notice", against="a bare SMTP loop", ratio=ours.wall / floor.wall, target=7, cost=ours)

``python bench --only sync,pages --accounts 20000`` runs some of it. All is printed, and kept as JSON in ``var/bench/``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import KW_ONLY, asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
from ground import ROOT
from people import Shape


@dataclass(frozen=True, slots=True)
class Ground:
    """What the benchmarks stand on."""

    url: str
    """Where the workspace's API answers, from memory."""
    folder: Path
    """For files; it goes afterwards."""
    shape: Shape


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took: seconds on the wall and of CPU, and the most memory that its process held."""

    wall: float
    cpu: float = 0.0
    database: float = 0.0
    """Seconds of CPU that the database took for it."""
    peak: float = 0.0
    """In MB."""
    result: Any = None

    @property
    def cpus(self) -> float:
        """All its CPU: on a shared machine this is the figure to trust."""
        return self.cpu + self.database


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report; ``target`` is the most that ``ratio`` may be, ``None`` where it is only told."""

    name: str
    _: KW_ONLY
    against: str
    ratio: float
    target: float | None = None
    unit: str = "x"
    cost: Cost | None = None

    @property
    def is_met(self) -> bool:
        return self.target is None or self.ratio <= self.target

    def __str__(self) -> str:
        most = "" if self.target is None else f"at most {self.target:g}{'' if self.is_met else '  MISSED'}"
        line = f"{self.name:48} {self.ratio:9.2f} {self.unit:3} {self.against:28} {most:20}"
        if self.cost:
            cost = self.cost
            line += f" {cost.wall:8.2f} s, CPU {cost.cpu:.2f} + {cost.database:.2f} s, {cost.peak:.0f} MB"
        return line.rstrip()


def cost_of(function: Callable[..., Any], *arguments: str | int | float) -> Cost:
    """Run a function of a bench module in a process of its own; what it returns must be JSON."""
    module = Path(sys.modules[function.__module__].__file__ or "").stem
    command = [sys.executable, __file__, module, function.__name__, json.dumps(arguments)]
    before = database_cpu()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)  # noqa: S603
    told = json.loads(done.stdout.splitlines()[-1])
    return Cost(**told, database=database_cpu() - before)


def database_cpu() -> float:
    """Seconds of CPU that the embedded database took until now, all its processes together."""
    pids = Path(os.environ["DATA_DIR"]).rglob("postmaster.pid")
    return sum(_cpu_of(psutil.Process(int(pid.read_text().split()[0]))) for pid in pids)


def _cpu_of(server: psutil.Process) -> float:
    own = server.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in server.children():
        try:
            spent = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += spent.user + spent.system
    return float(total)


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was with other things."""
    model = re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = round(psutil.virtual_memory().total / 2**30)
    about = {"cpu": model[0] if model else "?", "cpus": os.cpu_count(), "memory_gib": memory}
    return about | {"python": sys.version.split()[0], "load": [round(load, 1) for load in os.getloadavg()]}


def save(figures: list[Figure], shape: Shape, target: Path) -> None:
    content = {"machine": machine(), "shape": asdict(shape), "figures": [asdict(figure) for figure in figures]}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(content, indent=1))


def _own_cpu() -> float:
    """Of this process, and of those that it started and waited for."""
    return sum(os.times()[:4])


def _peak() -> float:
    """Unlike ``ru_maxrss``, this knows nothing of the process that started ours."""
    return int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0]) / 1024


def _run(module: str, name: str, arguments: str) -> None:
    """In the process of its own: what is imported and set up before is not counted."""
    import django

    django.setup()
    function = getattr(import_module(module), name)
    wall, cpu = time.monotonic(), _own_cpu()
    result = function(*json.loads(arguments))
    told = {"wall": time.monotonic() - wall, "cpu": _own_cpu() - cpu, "peak": _peak(), "result": result}
    sys.stdout.write(f"\n{json.dumps(told)}\n")


if __name__ == "__main__":
    _run(*sys.argv[1:])
