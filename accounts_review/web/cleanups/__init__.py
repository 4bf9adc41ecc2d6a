"""Clean-ups: the draft, the launch, progress, cases, and who was revoked."""
