"""Revoke: look once more, pass the gate, send one DELETE, record its outcome."""
