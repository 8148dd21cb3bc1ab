"""The signing key of the house."""
