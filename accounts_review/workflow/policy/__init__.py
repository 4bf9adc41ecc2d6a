"""Policy: preview a new version, put it in force, test it against the past."""
