"""Restore: invite people back with their old rights, and notice who returned."""
