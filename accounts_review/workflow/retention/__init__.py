"""Personal data that end: what is held about somebody, how it is erased, and when that happens by itself."""
