"""The review table: filter, decide, import and export."""
