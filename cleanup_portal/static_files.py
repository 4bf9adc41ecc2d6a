"""Static files by names that change with their content, so that browsers may keep them for good."""

from __future__ import annotations

from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage


class CollectedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """``collectstatic`` always names files by their content; pages use those names where ``is_collected``.

    Elsewhere (a desk, the tests) files are served from where they are written, as they are now.
    """

    def __init__(self, *args: Any, is_collected: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_collected = is_collected

    def stored_name(self, name: str) -> str:
        """What a file is called in addresses: plainly where nothing was collected, rather than no page at all."""
        return str(super().stored_name(name)) if self.is_collected and self.hashed_files else name
