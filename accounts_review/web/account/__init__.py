"""One account: its facts, the reasoning, its history."""
