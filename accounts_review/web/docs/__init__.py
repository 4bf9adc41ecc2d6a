"""The documentation, read in the portal."""
