// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title RangeProof
/// @notice Merkle tree over a batch's bets, and the proof of a run of them.
///
/// A node without a right neighbour at the end of its level moves up unchanged. A proof lists the
/// neighbours that the run cannot supply, from the leaves up and left before right. A leaf hashes
/// 18 + 6k bytes, an inner node 64: no bytes can be both, since 64 - 18 is no multiple of 6.
library RangeProof {
    error ProofInvalid();

    /// @notice Root of a tree of `width` leaves of which `nodes` are those from number `first`.
    /// @dev `nodes` is used as scratch space and holds rubbish afterwards.
    function root(bytes32[] memory nodes, uint256 first, uint256 width, bytes32[] calldata proof)
        internal
        pure
        returns (bytes32)
    {
        uint256 count = nodes.length;
        uint256 used;
        unchecked {
            if (count == 0 || first >= width || count > width - first) revert ProofInvalid();
            while (width > 1) {
                uint256 read;
                uint256 write;
                if (first & 1 == 1) {
                    if (used == proof.length) revert ProofInvalid();
                    nodes[0] = hash(proof[used++], nodes[0]);
                    (read, write) = (1, 1);
                }
                for (; read + 1 < count; read += 2) {
                    nodes[write++] = hash(nodes[read], nodes[read + 1]);
                }
                if (read < count) {
                    if (first + count < width) {
                        if (used == proof.length) revert ProofInvalid();
                        nodes[write++] = hash(nodes[read], proof[used++]);
                    } else {
                        nodes[write++] = nodes[read];
                    }
                }
                count = write;
                first >>= 1;
                width = (width + 1) >> 1;
            }
        }
        if (used != proof.length) revert ProofInvalid();
        return nodes[0];
    }

    /// @notice Root over all leaves of a tree. `nodes` is used as scratch space.
    function root(bytes32[] memory nodes, uint256 width) internal pure returns (bytes32) {
        unchecked {
            while (width > 1) {
                uint256 write;
                uint256 read;
                for (; read + 1 < width; read += 2) {
                    nodes[write++] = hash(nodes[read], nodes[read + 1]);
                }
                if (read < width) nodes[write++] = nodes[read];
                width = write;
            }
        }
        return nodes[0];
    }

    function hash(bytes32 left, bytes32 right) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            mstore(0, left)
            mstore(32, right)
            value := keccak256(0, 64)
        }
    }
}
