"""Sets up, deploys and runs Fairline; contains no betting rules."""
