// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice A batch in one word: hash 247 | touched 1 | bets less one 8. 0 when settled, or never placed.
type Batch is uint256;

using Batches for Batch global;

/// @title Batches
/// @notice What is stored of a batch. The hash answers for all bets at once and, by the Merkle root in
/// it, for any run of them.
///
/// `touched` says that some bets are settled and that a second slot has their bits, so that a batch
/// that is settled whole never looks there.
library Batches {
    uint256 private constant TOUCHED = 1 << 8;

    /// @param whole Hash of the number of markets, the markets and the records, one after the other as
    /// the event has them.
    /// @param root Of the Merkle tree over the bets.
    function commit(bytes32 whole, bytes32 root, uint256 count)
        internal
        pure
        returns (Batch batch)
    {
        assembly ("memory-safe") {
            mstore(0, whole)
            mstore(32, root)
            batch := or(shl(9, shr(9, keccak256(0, 64))), sub(count, 1))
        }
    }

    function exists(Batch batch) internal pure returns (bool) {
        return Batch.unwrap(batch) != 0;
    }

    function bets(Batch batch) internal pure returns (uint256) {
        unchecked {
            return uint256(uint8(Batch.unwrap(batch))) + 1;
        }
    }

    function isTouched(Batch batch) internal pure returns (bool) {
        return Batch.unwrap(batch) & TOUCHED != 0;
    }

    function touched(Batch batch) internal pure returns (Batch) {
        return Batch.wrap(Batch.unwrap(batch) | TOUCHED);
    }

    /// @notice As it was placed.
    function placed(Batch batch) internal pure returns (Batch) {
        return Batch.wrap(Batch.unwrap(batch) & ~TOUCHED);
    }
}
