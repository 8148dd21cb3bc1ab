"""Brings accepted slips to the chain in batches: each is placed or skipped there, none twice."""
