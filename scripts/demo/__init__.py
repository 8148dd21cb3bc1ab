"""The main job on one machine: a match day priced, bet on, played, settled and accounted for."""
