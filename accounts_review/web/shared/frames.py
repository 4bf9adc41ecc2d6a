"""What is shown in a frame of its own, and may do nothing there."""

from __future__ import annotations

SHOWN_ALONE = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'; form-action 'none'"
"""The policy of an e-mail that is shown: it shows itself, with the styles that stand in it, and nothing else."""

LINKS = "allow-popups allow-popups-to-escape-sandbox"
"""What links in such a frame need, to open in a tab of their own."""
