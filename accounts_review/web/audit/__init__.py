"""The audit: search, verify, export."""
