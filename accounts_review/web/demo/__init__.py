"""The demo's own pages: what was mailed, and a clock that can be moved. A real installation has neither."""
