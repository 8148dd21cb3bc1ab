"""States what contracts, indexer and backend agree on: layouts, hashes, limits and arithmetic.

Pure: no I/O but reading the committed ABI, and no import of another package of this project.
"""
