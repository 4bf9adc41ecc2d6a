"""Launch: freeze the draft into a clean-up, confirm, pause, cancel."""
