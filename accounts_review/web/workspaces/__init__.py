"""Workspaces: connection, syncs, mode, schedule."""
