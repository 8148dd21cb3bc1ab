"""Live odds: model, margin, movement, and the process that publishes them."""
