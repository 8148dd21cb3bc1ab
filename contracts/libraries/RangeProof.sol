// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../interfaces/ISportsbook.sol";

/// @title RangeProof
/// @notice Merkle tree over the bets of a batch, and the proof of a run of consecutive bets.
///
/// The last node of a level moves up unchanged if it has no right neighbour. A proof lists the
/// neighbours that cannot be computed from the run: from the leaves upwards, left before right.
/// A leaf is the hash of 23 + 32k bytes and an inner node that of 64, so neither can pass for the
/// other.
/// @dev `nodes` is the memory address of the leaves, one word each. They are overwritten.
library RangeProof {
    /// @notice Root of a tree of `width` leaves, at least one, of which all are given.
    function root(uint256 nodes, uint256 width) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            for {} gt(width, 1) { width := shr(1, add(width, 1)) } {
                let end := add(nodes, shl(5, and(width, not(1))))
                let write := nodes
                for { let read := nodes } lt(read, end) { read := add(read, 64) } {
                    // [write,write+0x20), never beyond the pair just read
                    mstore(write, keccak256(read, 64))
                    write := add(write, 32)
                }
                if and(width, 1) { mstore(write, mload(end)) }
            }
            hash := mload(nodes)
        }
    }

    /// @notice Root of a tree of `width` leaves, of which `count` from leaf number `first` on are
    /// given.
    function root(
        uint256 nodes,
        uint256 count,
        uint256 first,
        uint256 width,
        bytes32[] calldata proof
    ) internal pure returns (bytes32 hash) {
        unchecked {
            if (count == 0 || first >= width || count > width - first) {
                revert ISportsbook.ProofInvalid();
            }
            uint256 used;
            while (width > 1) {
                uint256 read = nodes;
                uint256 write = nodes;
                uint256 end = nodes + (count << 5);
                if (first & 1 == 1) {
                    if (used == proof.length) revert ISportsbook.ProofInvalid();
                    write = _put(write, _pair(proof[used++], _at(read)));
                    read += 32;
                }
                assembly ("memory-safe") {
                    for {} lt(add(read, 32), end) { read := add(read, 64) } {
                        // [write,write+0x20), never beyond the pair just read
                        mstore(write, keccak256(read, 64))
                        write := add(write, 32)
                    }
                }
                if (read < end) {
                    bytes32 last = _at(read);
                    if (first + count < width) {
                        if (used == proof.length) revert ISportsbook.ProofInvalid();
                        last = _pair(last, proof[used++]);
                    }
                    write = _put(write, last);
                }
                count = (write - nodes) >> 5;
                first >>= 1;
                width = (width + 1) >> 1;
            }
            if (used != proof.length) revert ISportsbook.ProofInvalid();
            return _at(nodes);
        }
    }

    function _at(uint256 node) private pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := mload(node)
        }
    }

    function _put(uint256 node, bytes32 value) private pure returns (uint256) {
        assembly ("memory-safe") {
            // [node,node+0x20)
            mstore(node, value)
        }
        unchecked {
            return node + 32;
        }
    }

    function _pair(bytes32 left, bytes32 right) private pure returns (bytes32 value) {
        assembly ("memory-safe") {
            // [0x00,0x40), scratch space
            mstore(0, left)
            mstore(32, right)
            value := keccak256(0, 64)
        }
    }
}
