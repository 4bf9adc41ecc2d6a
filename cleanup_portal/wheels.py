"""Where wheels were installed whose files are served: Bootstrap, the typeface."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def folder_of(package: str) -> Path:
    """The folder in which a wheel of static assets was installed."""
    spec = find_spec(package)
    locations = list(spec.submodule_search_locations or []) if spec else []
    if not locations:
        raise ImproperlyConfigured(f"The package {package!r} is not installed; run `make install`.")
    return Path(locations[0])
