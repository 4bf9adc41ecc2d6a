"""Evidence for others: packs that anyone can verify."""
