"""The parts of an extraction: the walk, the second opinions on what it saw, and the storing of it."""
