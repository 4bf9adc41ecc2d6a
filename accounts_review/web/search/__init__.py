"""One search over everything a person may see: people, those who were revoked, clean-ups, syncs, the audit, pages."""
