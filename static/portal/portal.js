// Small comforts for pages that work without them.
