"""Says how the API is: alive, ready, and in numbers."""
