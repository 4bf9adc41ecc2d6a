"""The manual, as somebody at a shell reads it: the commands of each of its sections, and a checkout to run them in."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
MANUAL = (ROOT / "docs/operate.md").read_text()


NO_VARIABLES = {"ANYMAIL_", "PASSWORD", "EMAIL_HOST_PASSWORD"}
"""A prefix, and names that are looked up elsewhere than in the environment."""


def variables_read() -> set[str]:
    """The environment variables that the portal reads by name."""
    files = ("settings.py", "environment.py", "secret_keys.py", "serve.py")
    code = "".join((ROOT / "cleanup_portal" / name).read_text() for name in files)
    return set(re.findall(r'\b(?!setdefault)[a-z_]+\(\s*"([A-Z][A-Z_]+)"(?=[,)])', code)) - NO_VARIABLES


def commands() -> dict[str, list[str]]:
    """The commands that are shown, by the heading above them, in order."""
    found = {}
    for section in re.split(r"^##+ ", MANUAL, flags=re.MULTILINE)[1:]:
        blocks = re.findall(r"^```sh\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)
        if blocks:
            found[section.partition("\n")[0]] = "".join(blocks).splitlines()
    return found


def checkout(folder: Path) -> Path:
    """A clone of this working tree as it is now, from which it can pull."""
    origin, clone = folder / "origin", folder / "portal"
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    for name in subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (origin / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, origin / name)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "As it is now"]):
        subprocess.run([*git, *words], cwd=origin, check=True)
    subprocess.run(["git", "clone", "-q", origin, clone], check=True)
    return clone
