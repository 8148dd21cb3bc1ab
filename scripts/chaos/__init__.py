"""Tests the whole house with faults: kills, freezes, restarts, reorgs and doubled processes."""
