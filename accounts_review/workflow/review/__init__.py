"""Review: decisions of people, on the page or in a file."""
