"""Owns how sure a block is, as the mirror says it: tentative, confirmed or final."""

from __future__ import annotations


def stage_sql(block: str) -> str:
    """The SQL expression of a block's stage, where `d` is the mirror's deployment: tentative while
    a reorg is likely enough to wait for, final when the chain itself will not undo it."""
    return f"""CASE WHEN {block} <= d.final_block THEN 'final'
            WHEN {block} <= d.confirmed_block THEN 'confirmed' ELSE 'tentative' END"""
