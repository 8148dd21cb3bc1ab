"""Measures speed and gas; each module is a command, and writes its figures to bench/results."""

from protocol.installed import need_packages

need_packages()
