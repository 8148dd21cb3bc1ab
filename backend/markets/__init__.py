"""Opens fixtures with their markets, suspends and resumes them, and serves them."""
