// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Packed
/// @notice Reads the packed call data of batches, and hashes bets. Addresses (`at`) are offsets into
/// call data.
/// @dev Reading word by word instead of through `bytes` slices, whose bounds are checked on every
/// byte, saves some 900 gas a slip. Past the end call data reads as zero: callers check that a walk
/// ends exactly where the data does.
library Packed {
    uint256 internal constant RECORD_HEAD = 18;
    uint256 internal constant LEG_SIZE = 6;
    /// @dev Bytes of a market id without the six of zero at its end.
    uint256 internal constant MARKET_SIZE = 26;

    function start(bytes calldata data) internal pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := data.offset
        }
    }

    function word(uint256 at) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(at)
        }
    }

    /// @notice Bytes of the record with this head.
    function recordSize(uint256 head) internal pure returns (uint256) {
        unchecked {
            return RECORD_HEAD + LEG_SIZE * legCount(head);
        }
    }

    function account(uint256 head) internal pure returns (uint256) {
        return head >> 224;
    }

    function nonce(uint256 head) internal pure returns (uint256) {
        return uint24(head >> 200);
    }

    function stake(uint256 head) internal pure returns (uint256) {
        return uint64(head >> 136);
    }

    function acceptedAfter(uint256 head) internal pure returns (uint256) {
        return uint16(head >> 120);
    }

    function legCount(uint256 head) internal pure returns (uint256) {
        return uint8(head >> 112);
    }

    /// @notice Leg number `i` of the record at `at`: index of the market, outcome, odds.
    function leg(uint256 at, uint256 i)
        internal
        pure
        returns (uint256 index, uint256 outcome, uint256 odds)
    {
        unchecked {
            uint256 entry = word(at + RECORD_HEAD + LEG_SIZE * i);
            return (entry >> 248, uint8(entry >> 240), uint32(entry >> 208));
        }
    }

    // -- A bet as its leaf hashes it: one word a leg, then 23 bytes of its own. It says all about
    // the bet and nothing about the batch that it came in, so that settling needs no more.

    /// @notice Market 208 | 8 zero | outcome 8 | odds 32.
    /// @param entry The word at the leg in its record: index 8 | outcome 8 | odds 32 | more.
    function betLeg(uint256 market, uint256 entry) internal pure returns (uint256) {
        return market | ((entry >> 208) & 0xffffffffff);
    }

    /// @notice Hash of the bet whose leg words stand at `buffer`, ending with the record's first 18
    /// bytes and the 5 bytes of the time that its acceptance counts from.
    function betHash(uint256 buffer, uint256 head, uint256 legs, uint256 base)
        internal
        pure
        returns (bytes32 hash)
    {
        assembly ("memory-safe") {
            let size := shl(5, legs)
            mstore(add(buffer, size), or(shl(112, shr(112, head)), shl(72, base)))
            hash := keccak256(buffer, add(size, 23))
        }
    }

    // -- A batch

    /// @notice Hash of the markets and records of a batch, one after the other as its event has them.
    function wholeHash(uint256 markets, uint256 size) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(markets, size)
        }
    }
}
