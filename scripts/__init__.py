"""Sets up, deploys and runs Fairline; contains no rule of the game."""
