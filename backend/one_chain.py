"""Tells whether deployment file, node and mirror are of one chain; pure.

A chain that was wiped and started again has the old id, and contracts can have the old addresses.
"""

from __future__ import annotations

from dataclasses import dataclass

from backend.deployment import Deployment

_SHOWN = 18


@dataclass(frozen=True, slots=True)
class ChainHashes:
    """The hashes of a node's genesis block and of the deployment's first block; None for one that
    it does not have."""

    genesis: bytes | None = None
    first_block: bytes | None = None


NO_HASHES = ChainHashes()


def other_chain(deployment: Deployment, node: ChainHashes, mirrored: bytes | None) -> str | None:
    """Which two are not of one chain, and what to do; None when nothing shows it. `mirrored` is the
    hash of the deployment's first block in the mirror."""
    named = (deployment.genesis_hash or "").lower()
    if node.genesis is not None and named and (served := f"0x{node.genesis.hex()}") != named:
        return (
            f"The node at RPC_URL serves another chain {deployment.chain_id} than that of"
            f" DEPLOYMENT_FILE: its genesis hash is {served[:_SHOWN]}…, the file's is"
            f" {named[:_SHOWN]}…; correct one of the two, or deploy."
        )
    if node.first_block is not None and mirrored is not None and node.first_block != mirrored:
        return (
            f"The database at DATABASE_URL mirrors another chain {deployment.chain_id} than the"
            f" node at RPC_URL serves: block {deployment.first_block} is"
            f" 0x{mirrored.hex()[: _SHOWN - 2]}… there, and"
            f" 0x{node.first_block.hex()[: _SHOWN - 2]}… at the node; use a new database, or"
            " correct one of the two."
        )
    return None
