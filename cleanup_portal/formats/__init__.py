"""How numbers are written, where Django has it differently."""
