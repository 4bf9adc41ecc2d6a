"""The overview: what needs a person, idleness, forecast."""
