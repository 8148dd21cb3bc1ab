"""What runs Fairline on a machine: deployment, the local network, the demo; no rule of the game."""
