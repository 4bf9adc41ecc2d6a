"""People: who may do what here, and the acts that change it."""
