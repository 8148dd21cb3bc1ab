"""Reads blocks, headers and logs from chain nodes, and compares what endpoints report."""
