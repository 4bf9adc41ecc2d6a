"""Sync: read a workspace in two passes that must agree, store it, compare its figures with the last accepted sync."""
