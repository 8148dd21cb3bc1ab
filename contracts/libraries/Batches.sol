// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice The batch word, as stored; 0 if all its bets are settled, or it was never placed:
///   bits   [0,8)                   [8]      [9,256)
///   field  number of bets minus 1  touched  the highest 247 bits of the hash
type Batch is uint256;

using Batches for Batch global;

uint256 constant BATCH_TOUCHED_BITS = 1 << 8;
uint256 constant BATCH_HASH_SHIFT = 9;

/// @title Batches
/// @notice What is stored of a batch: a commitment to its bets. The hash is over two words:
///   bytes  [0,32)  [32,64)
///   field  whole   root
/// `whole` is the hash of the number of markets, the markets and the records, as the event has
/// them: it proves all bets of the batch at once. `root` is that of a Merkle tree with one leaf
/// per bet: it proves any run of bets.
///
/// `touched` is set once some bets are settled; a second slot then holds their bits. A batch that
/// is settled at once never reads or writes that slot.
library Batches {
    /// @notice Hash of a whole batch, from memory: number of markets 1 | markets | records, as the
    /// event has them. Warning: without the number, the last market could be read as records, or
    /// the first records as a market.
    function wholeHash(uint256 at, uint256 size) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(at, size)
        }
    }

    /// @notice The word of a batch of `count` bets.
    function commit(bytes32 whole, bytes32 root, uint256 count)
        internal
        pure
        returns (Batch batch)
    {
        assembly ("memory-safe") {
            // [0x00,0x40), scratch space
            mstore(0, whole)
            mstore(32, root)
            batch := or(
                shl(BATCH_HASH_SHIFT, shr(BATCH_HASH_SHIFT, keccak256(0, 64))),
                sub(count, 1)
            )
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
        return Batch.unwrap(batch) & BATCH_TOUCHED_BITS != 0;
    }

    function touched(Batch batch) internal pure returns (Batch) {
        return Batch.wrap(Batch.unwrap(batch) | BATCH_TOUCHED_BITS);
    }

    /// @notice The word as it was when the batch was placed.
    function placed(Batch batch) internal pure returns (Batch) {
        return Batch.wrap(Batch.unwrap(batch) & ~BATCH_TOUCHED_BITS);
    }
}
