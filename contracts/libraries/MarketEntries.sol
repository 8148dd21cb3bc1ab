// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {FixtureEntry} from "./FixtureEntries.sol";
import {Fraction} from "./Fractions.sol";

/// @notice A market of the batch being placed, or of the runs being settled: the memory address of
/// its entry.
type MarketEntry is uint256;

using MarketEntries for MarketEntry global;

// Layout of an entry. Placing and settling use the same words for different things:
//
//                  placing                              settling
//   [0x000,0x020)  market id                            market id
//   [0x020,0x040)  exposure, with the slips placed      exposure that the slow path releases
//   [0x040,0x060)  what the market locks              \
//   [0x060,0x080)  exposure mode, see Markets          | what the fast path releases, a word for
//   [0x080,0x0a0)  time from which bets are refused   /  each outcome 0 to 2, see below
//   [0x0a0,0x0c0)  number of outcomes                   -
//   [0x0c0,0x0e0)  FixtureEntry                         -
//   [0x0e0,0x140)  leg hash, for outcomes 0 to 2        Fraction, for outcomes 0 to 2
//   [0x140,0x1a0)  hash over the legs of a slip with    fate, for outcomes 0 to 2
//                  that one leg, for outcomes 0 to 2
//   [0x1a0,0x1c0)  -                                    zero, the fate of an outcome 3
//   [0x1c0,0x1e0)  storage slot of the exposure         -
//   [0x1e0,0x200)  exposure as stored                   -
//
// A word that the fast path releases: bits [0,128) payouts, bits [128,256) stakes.
//
// Hashes, fractions and fates are caches: 0 until they are computed.
uint256 constant MARKET_EXPOSURE = 0x20;
uint256 constant MARKET_LOCKED = 0x40;
uint256 constant MARKET_RELEASED = 0x40;
uint256 constant MARKET_MODE = 0x60;
uint256 constant MARKET_CLOSES_AT = 0x80;
uint256 constant MARKET_OUTCOMES = 0xa0;
uint256 constant MARKET_FIXTURE = 0xc0;
uint256 constant MARKET_LEG_HASHES = 0xe0;
uint256 constant MARKET_FRACTIONS = 0xe0;
uint256 constant MARKET_SINGLE_HASHES = 0x140;
uint256 constant MARKET_FATES = 0x140;
uint256 constant MARKET_SLOT = 0x1c0;
uint256 constant MARKET_STORED = 0x1e0;
uint256 constant MARKET_ENTRY_SIZE = 0x200;

// The fate of an outcome: lost or won, by all bets on it; 0 for anything else. The values are
// chosen so that SettlingFastPath compares the fate and the shape of a record at once.
uint256 constant FATE_LOST = 0x010000;
uint256 constant FATE_WON = 0x1010000;
/// @dev The bit in which they differ.
uint256 constant FATE_WON_FLAG = 0x1000000;

/// @title MarketEntries
/// @notice The markets of a batch or run in memory, one entry after the other.
/// @dev Plain offsets: arrays of structs would check a bound and follow a pointer at every access.
library MarketEntries {
    function reserve(uint256 count) internal pure returns (uint256 entries) {
        assembly ("memory-safe") {
            entries := mload(0x40)
            let end := add(entries, mul(count, MARKET_ENTRY_SIZE))
            mstore(0x40, end)
            // Zeroes [entries,end), by copying from beyond the call data: memory after the free
            // pointer may be dirty.
            calldatacopy(entries, calldatasize(), sub(end, entries))
        }
    }

    function at(uint256 entries, uint256 index) internal pure returns (MarketEntry) {
        unchecked {
            return MarketEntry.wrap(entries + index * MARKET_ENTRY_SIZE);
        }
    }

    function next(MarketEntry entry) internal pure returns (MarketEntry) {
        unchecked {
            return MarketEntry.wrap(MarketEntry.unwrap(entry) + MARKET_ENTRY_SIZE);
        }
    }

    // -- Placing and settling

    function setMarket(MarketEntry entry, uint256 value) internal pure {
        assembly ("memory-safe") {
            // [0x000,0x020)
            mstore(entry, value)
        }
    }

    function setExposure(MarketEntry entry, uint256 value) internal pure {
        assembly ("memory-safe") {
            // [0x020,0x040)
            mstore(add(entry, MARKET_EXPOSURE), value)
        }
    }

    function market(MarketEntry entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(entry)
        }
    }

    function exposure(MarketEntry entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, MARKET_EXPOSURE))
        }
    }

    // -- Placing

    /// @notice Set the exposure as stored, and its slot.
    function setStored(MarketEntry entry, uint256 slot_, uint256 value) internal pure {
        assembly ("memory-safe") {
            // [0x020,0x040), then [0x1c0,0x200)
            mstore(add(entry, MARKET_EXPOSURE), value)
            mstore(add(entry, MARKET_SLOT), slot_)
            mstore(add(entry, MARKET_STORED), value)
        }
    }

    function setMode(MarketEntry entry, uint256 value) internal pure {
        assembly ("memory-safe") {
            // [0x060,0x080)
            mstore(add(entry, MARKET_MODE), value)
        }
    }

    function setLocked(MarketEntry entry, uint256 value) internal pure {
        assembly ("memory-safe") {
            // [0x040,0x060)
            mstore(add(entry, MARKET_LOCKED), value)
        }
    }

    function setTerms(
        MarketEntry entry,
        uint256 closesAt_,
        uint256 outcomes_,
        FixtureEntry fixture_
    ) internal pure {
        assembly ("memory-safe") {
            // [0x080,0x0e0)
            mstore(add(entry, MARKET_CLOSES_AT), closesAt_)
            mstore(add(entry, MARKET_OUTCOMES), outcomes_)
            mstore(add(entry, MARKET_FIXTURE), fixture_)
        }
    }

    function setLegHash(MarketEntry entry, uint256 outcome, uint256 value) internal pure {
        assembly ("memory-safe") {
            // The outcome's word of [0x0e0,0x140)
            mstore(add(entry, add(MARKET_LEG_HASHES, shl(5, outcome))), value)
        }
    }

    function setSingleHash(MarketEntry entry, uint256 outcome, uint256 value) internal pure {
        assembly ("memory-safe") {
            // The outcome's word of [0x140,0x1a0)
            mstore(add(entry, add(MARKET_SINGLE_HASHES, shl(5, outcome))), value)
        }
    }

    function locked(MarketEntry entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, MARKET_LOCKED))
        }
    }

    function mode(MarketEntry entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, MARKET_MODE))
        }
    }

    function closesAt(MarketEntry entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, MARKET_CLOSES_AT))
        }
    }

    function outcomes(MarketEntry entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, MARKET_OUTCOMES))
        }
    }

    function fixture(MarketEntry entry) internal pure returns (FixtureEntry value) {
        assembly ("memory-safe") {
            value := mload(add(entry, MARKET_FIXTURE))
        }
    }

    /// @dev For outcomes 0 to 2; 0 until it is computed.
    function legHash(MarketEntry entry, uint256 outcome) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, add(MARKET_LEG_HASHES, shl(5, outcome))))
        }
    }

    function slot(MarketEntry entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, MARKET_SLOT))
        }
    }

    function stored(MarketEntry entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, MARKET_STORED))
        }
    }

    // -- Settling

    function setFraction(MarketEntry entry, uint256 outcome, Fraction value) internal pure {
        assembly ("memory-safe") {
            // The outcome's word of [0x0e0,0x140)
            mstore(add(entry, add(MARKET_FRACTIONS, shl(5, outcome))), value)
        }
    }

    function setFate(MarketEntry entry, uint256 outcome, uint256 value) internal pure {
        assembly ("memory-safe") {
            // The outcome's word of [0x140,0x1a0)
            mstore(add(entry, add(MARKET_FATES, shl(5, outcome))), value)
        }
    }

    /// @dev For outcomes 0 to 2; UNKNOWN until it is computed.
    function fraction(MarketEntry entry, uint256 outcome) internal pure returns (Fraction value) {
        assembly ("memory-safe") {
            value := mload(add(entry, add(MARKET_FRACTIONS, shl(5, outcome))))
        }
    }

    /// @notice The exposure of all bets settled: what slow path and fast path release together.
    function released(MarketEntry entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            let sums := add(entry, MARKET_RELEASED)
            let a := mload(sums)
            let b := mload(add(sums, 32))
            let c := mload(add(sums, 64))
            // The stakes of all three go into the highest 64 bits, the payouts of each outcome
            // into those of the outcome.
            value := shl(192, shr(128, add(add(a, b), c)))
            a := and(a, 0xffffffffffffffff)
            b := shl(64, and(b, 0xffffffffffffffff))
            c := shl(128, and(c, 0xffffffffffffffff))
            value := add(add(value, mload(add(entry, MARKET_EXPOSURE))), or(or(a, b), c))
        }
    }
}
