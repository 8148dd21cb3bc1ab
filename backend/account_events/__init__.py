"""Follows what happens to the accounts of owners who are connected to the stream."""
