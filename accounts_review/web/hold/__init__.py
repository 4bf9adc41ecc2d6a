"""The page Hold: stop everything, and continue."""
