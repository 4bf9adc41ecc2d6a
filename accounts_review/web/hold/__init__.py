"""The page Hold: stop everything, and let it go on."""
