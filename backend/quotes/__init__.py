"""What the house signs."""
