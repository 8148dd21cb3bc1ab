"""Keeps the limits that owners set themselves; `backend/slips/commits.py` holds slips to them."""
