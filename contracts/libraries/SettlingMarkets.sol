// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fraction} from "./Fractions.sol";

/// @notice A market of the runs being settled: the memory address of its entry.
type SettlingMarket is uint256;

using SettlingMarkets for SettlingMarket global;

// Layout of an entry. Fractions and fates are caches: 0 until they are computed.
//   [0x000,0x020)  market id
//   [0x020,0x040)  exposure that the slow path releases
//   [0x040,0x0a0)  what the fast path releases, a word for each outcome 0 to 2:
//                  payouts in bits [0,128), stakes in bits [128,256)
//   [0x0a0,0x100)  Fraction, for outcomes 0 to 2
//   [0x100,0x160)  fate, for outcomes 0 to 2
//   [0x160,0x180)  zero, the fate of an outcome 3
uint256 constant SETTLING_MARKET_EXPOSURE = 0x20;
uint256 constant SETTLING_MARKET_RELEASED = 0x40;
uint256 constant SETTLING_MARKET_FRACTIONS = 0xa0;
uint256 constant SETTLING_MARKET_FATES = 0x100;
uint256 constant SETTLING_MARKET_SIZE = 0x180;

// The fate of an outcome: lost or won, by all bets on it; 0 for anything else. The values are
// chosen so that SettlingFastPath compares the fate and the shape of a record at once.
uint256 constant FATE_LOST = 0x010000;
uint256 constant FATE_WON = 0x1010000;
/// @dev The bit in which they differ.
uint256 constant FATE_WON_FLAG = 0x1000000;

/// @title SettlingMarkets
/// @notice The markets of a list of runs in memory, one entry after the other.
/// @dev Plain offsets: arrays of structs would check a bound and follow a pointer at every access.
library SettlingMarkets {
    function reserve(uint256 count) internal pure returns (uint256 entries) {
        assembly ("memory-safe") {
            entries := mload(0x40)
            let end := add(entries, mul(count, SETTLING_MARKET_SIZE))
            mstore(0x40, end)
            // Zeroes [entries,end), by copying from beyond the call data: memory after the free
            // pointer may be dirty.
            calldatacopy(entries, calldatasize(), sub(end, entries))
        }
    }

    function at(uint256 entries, uint256 index) internal pure returns (SettlingMarket) {
        unchecked {
            return SettlingMarket.wrap(entries + index * SETTLING_MARKET_SIZE);
        }
    }

    function next(SettlingMarket entry) internal pure returns (SettlingMarket) {
        unchecked {
            return SettlingMarket.wrap(SettlingMarket.unwrap(entry) + SETTLING_MARKET_SIZE);
        }
    }

    function setMarket(SettlingMarket entry, uint256 value) internal pure {
        assembly ("memory-safe") {
            // [0x000,0x020)
            mstore(entry, value)
        }
    }

    function setExposure(SettlingMarket entry, uint256 value) internal pure {
        assembly ("memory-safe") {
            // [0x020,0x040)
            mstore(add(entry, SETTLING_MARKET_EXPOSURE), value)
        }
    }

    function market(SettlingMarket entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(entry)
        }
    }

    function exposure(SettlingMarket entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, SETTLING_MARKET_EXPOSURE))
        }
    }

    function setFraction(SettlingMarket entry, uint256 outcome, Fraction value) internal pure {
        assembly ("memory-safe") {
            // The outcome's word of [0x0a0,0x100)
            mstore(add(entry, add(SETTLING_MARKET_FRACTIONS, shl(5, outcome))), value)
        }
    }

    function setFate(SettlingMarket entry, uint256 outcome, uint256 value) internal pure {
        assembly ("memory-safe") {
            // The outcome's word of [0x100,0x160)
            mstore(add(entry, add(SETTLING_MARKET_FATES, shl(5, outcome))), value)
        }
    }

    /// @dev For outcomes 0 to 2; UNKNOWN until it is computed.
    function fraction(SettlingMarket entry, uint256 outcome)
        internal
        pure
        returns (Fraction value)
    {
        assembly ("memory-safe") {
            value := mload(add(entry, add(SETTLING_MARKET_FRACTIONS, shl(5, outcome))))
        }
    }

    /// @notice The exposure of all bets settled: what slow path and fast path release together.
    function released(SettlingMarket entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            let sums := add(entry, SETTLING_MARKET_RELEASED)
            let a := mload(sums)
            let b := mload(add(sums, 32))
            let c := mload(add(sums, 64))
            // The stakes of all three go into the highest 64 bits, the payouts of each outcome
            // into those of the outcome.
            value := shl(192, shr(128, add(add(a, b), c)))
            a := and(a, 0xffffffffffffffff)
            b := shl(64, and(b, 0xffffffffffffffff))
            c := shl(128, and(c, 0xffffffffffffffff))
            value := add(add(value, mload(add(entry, SETTLING_MARKET_EXPOSURE))), or(or(a, b), c))
        }
    }
}
