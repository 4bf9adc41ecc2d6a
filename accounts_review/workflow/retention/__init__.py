"""Personal data: what is held about somebody, how it is erased, and when that happens automatically."""
