"""Takes accepted slips to the chain in batches: each one placed or refused there, none twice."""
