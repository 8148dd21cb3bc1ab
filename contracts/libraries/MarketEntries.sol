// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// Layout of the first fields of an entry:
//   [0x000,0x020)  market id
//   [0x020,0x040)  an exposure word, see Markets
uint256 constant MARKET_ENTRY_ID = 0x00;
uint256 constant MARKET_ENTRY_EXPOSURE = 0x20;

/// @title MarketEntries
/// @notice What the entries of markets have in common while placing (`PlacingMarkets`) and while
/// settling (`SettlingMarkets`): they lie in memory one after the other, and begin alike.
/// @dev Plain offsets: arrays of structs would check a bound and follow a pointer at every access.
/// An `entry` is the memory address of one; the two libraries give it a type of its own.
library MarketEntries {
    function setId(uint256 entry, uint256 value) internal pure {
        assembly ("memory-safe") {
            // Entry [0x000,0x020)
            mstore(add(entry, MARKET_ENTRY_ID), value)
        }
    }

    function id(uint256 entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, MARKET_ENTRY_ID))
        }
    }

    function setExposure(uint256 entry, uint256 value) internal pure {
        assembly ("memory-safe") {
            // Entry [0x020,0x040)
            mstore(add(entry, MARKET_ENTRY_EXPOSURE), value)
        }
    }

    function exposure(uint256 entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, MARKET_ENTRY_EXPOSURE))
        }
    }

    /// @notice The word of an outcome, 0 to 2, in an array of three words.
    /// @param words Offset of the array in the entry.
    function ofOutcome(uint256 entry, uint256 words, uint256 outcome)
        internal
        pure
        returns (uint256 value)
    {
        assembly ("memory-safe") {
            value := mload(add(entry, add(words, shl(5, outcome))))
        }
    }

    function setOfOutcome(uint256 entry, uint256 words, uint256 outcome, uint256 value)
        internal
        pure
    {
        assembly ("memory-safe") {
            // The outcome's word of entry [words,words+0x60)
            mstore(add(entry, add(words, shl(5, outcome))), value)
        }
    }
}
