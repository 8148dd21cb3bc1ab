"""Sends the backend's own transactions to the chain, each once, whatever dies on the way."""
