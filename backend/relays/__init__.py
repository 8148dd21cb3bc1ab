"""Accepts what owners have signed for anybody to send, and sends it at the house's cost."""
