"""Benchmarks: what the portal takes, as ratios to what else does the same, measured in one run.

    python bench --accounts 100000 [--only sync,...] [--groups 190 --record-bytes 2000 --dormant 60 --segments 12]

How to add one is told in ``frame.py``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from ground import ROOT, configure, new_folder

sys.path.insert(0, str(ROOT))

import frame
from people import Shape

MODULES = ("sync", "floors", "standing", "pages", "beside", "reviewers", "notices", "revocations", "audit")
"""In the order in which they run; each finds what those before it made."""


def main() -> None:
    options = _options()
    shape = Shape.of(options)
    folder = new_folder("bench")
    figures = []
    with _api(shape) as url:
        configure(folder, url)
        print(frame.machine(), shape, flush=True)  # noqa: T201
        for name in options.only.split(","):
            for figure in import_module(name).measure(frame.Ground(url, folder, shape)):
                figures.append(figure)
                print(figure, flush=True)  # noqa: T201
    target = ROOT / "var" / "bench" / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{shape.accounts}.json"
    frame.save(figures, shape, target)
    print(f"kept in {target.relative_to(ROOT)}")  # noqa: T201
    sys.exit(any(not figure.is_met for figure in figures))


def _options() -> argparse.Namespace:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    Shape.add_to(cli)
    cli.add_argument("--only", default=",".join(MODULES), help=f"some of: {', '.join(MODULES)}")
    return cli.parse_args()


@contextmanager
def _api(shape: Shape) -> Iterator[str]:
    command = [sys.executable, str(Path(__file__).with_name("api.py")), *shape.options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout  # noqa: S101
            yield process.stdout.readline().strip()
        finally:
            process.kill()


if __name__ == "__main__":
    main()
