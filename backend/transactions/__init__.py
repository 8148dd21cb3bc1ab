"""Sends the backend's own transactions to the chain, each once, even if a process dies."""
