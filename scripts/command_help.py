"""Answers `--help` of commands that take no arguments, and refuses any other argument."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter


def no_arguments(command: str, description: str | None, variables: str = "") -> None:
    """Ends the process with the help of `command` if that was asked for, and with exit code 2 for
    an argument. `variables` describes the environment that it reads."""
    ArgumentParser(
        prog=command,
        description=description,
        epilog=variables,
        formatter_class=RawDescriptionHelpFormatter,
    ).parse_args()
