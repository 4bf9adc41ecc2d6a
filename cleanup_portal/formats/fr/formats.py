"""French numbers: Django has the wide no-break space where French typography wants the narrow one."""

from __future__ import annotations

THOUSAND_SEPARATOR = "\u202f"
