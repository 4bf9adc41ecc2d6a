"""Evidence for others: packs that a stranger can verify."""
