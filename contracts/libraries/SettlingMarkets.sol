// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// The linter does not look into assembly, where these are used.
// solhint-disable no-unused-import

import {Fraction} from "./Fractions.sol";
import {MarketEntries} from "./MarketEntries.sol";
import {
    EXPOSURE_FIELD_MASK,
    EXPOSURE_PAYOUTS_1_SHIFT,
    EXPOSURE_PAYOUTS_2_SHIFT,
    EXPOSURE_STAKES_SHIFT
} from "./Markets.sol";
import {Memory} from "./Memory.sol";

/// @notice A market of the runs being settled: the memory address of its entry.
type SettlingMarket is uint256;

using SettlingMarkets for SettlingMarket global;

// Layout of an entry. It begins as MarketEntries says. Fractions and fates are caches: 0 until
// they are computed.
//   [0x000,0x020)  market id
//   [0x020,0x040)  exposure that the slow path releases
//   [0x040,0x0a0)  what the fast path releases, a word for each outcome 0 to 2, see below
//   [0x0a0,0x100)  Fraction, for outcomes 0 to 2
//   [0x100,0x160)  fate, for outcomes 0 to 2
//   [0x160,0x180)  zero, the fate of an outcome 3
uint256 constant SETTLING_MARKET_RELEASED = 0x40;
uint256 constant SETTLING_MARKET_FRACTIONS = 0xa0;
uint256 constant SETTLING_MARKET_FATES = 0x100;
uint256 constant SETTLING_MARKET_SIZE = 0x180;

// What the fast path releases of an outcome:
//   bits   [0,128)  [128,256)
//   field  payouts  stakes
uint256 constant RELEASED_STAKES_SHIFT = 128;

// The fate of an outcome: lost or won, by all bets on it; 0 for anything else. The values are
// chosen so that SettlingFastPath compares the fate and the shape of a record at once:
//   bits   [0,16)  [16,24)              [24]
//   field  zero    number of legs, 1    won
uint256 constant FATE_LOST = 0x010000;
uint256 constant FATE_WON = 0x1010000;
/// @dev The bit in which they differ.
uint256 constant FATE_WON_BITS = 1 << 24;

/// @title SettlingMarkets
/// @notice The markets of a list of runs in memory, one entry after the other: what their outcomes
/// earn, and what the bets settled so far release of their exposures.
library SettlingMarkets {
    function reserve(uint256 count) internal pure returns (uint256 entries) {
        unchecked {
            return Memory.reserveZeroed(count * SETTLING_MARKET_SIZE);
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

    // -- As in every entry of a market

    function market(SettlingMarket entry) internal pure returns (uint256) {
        return MarketEntries.id(SettlingMarket.unwrap(entry));
    }

    function setMarket(SettlingMarket entry, uint256 value) internal pure {
        MarketEntries.setId(SettlingMarket.unwrap(entry), value);
    }

    function exposure(SettlingMarket entry) internal pure returns (uint256) {
        return MarketEntries.exposure(SettlingMarket.unwrap(entry));
    }

    function setExposure(SettlingMarket entry, uint256 value) internal pure {
        MarketEntries.setExposure(SettlingMarket.unwrap(entry), value);
    }

    // -- While settling

    function setFraction(SettlingMarket entry, uint256 outcome, Fraction value) internal pure {
        MarketEntries.setOfOutcome(
            SettlingMarket.unwrap(entry), SETTLING_MARKET_FRACTIONS, outcome, Fraction.unwrap(value)
        );
    }

    function setFate(SettlingMarket entry, uint256 outcome, uint256 value) internal pure {
        MarketEntries.setOfOutcome(
            SettlingMarket.unwrap(entry), SETTLING_MARKET_FATES, outcome, value
        );
    }

    /// @dev For outcomes 0 to 2; UNKNOWN until it is computed.
    function fraction(SettlingMarket entry, uint256 outcome) internal pure returns (Fraction) {
        return Fraction.wrap(
            MarketEntries.ofOutcome(
                SettlingMarket.unwrap(entry), SETTLING_MARKET_FRACTIONS, outcome
            )
        );
    }

    /// @notice The exposure of all bets settled: what slow path and fast path release together.
    function released(SettlingMarket entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            let sums := add(entry, SETTLING_MARKET_RELEASED)
            let a := mload(sums)
            let b := mload(add(sums, 0x20))
            let c := mload(add(sums, 0x40))
            // The stakes of all three go into the highest 64 bits, the payouts of each outcome
            // into those of the outcome.
            value := shl(EXPOSURE_STAKES_SHIFT, shr(RELEASED_STAKES_SHIFT, add(add(a, b), c)))
            a := and(a, EXPOSURE_FIELD_MASK)
            b := shl(EXPOSURE_PAYOUTS_1_SHIFT, and(b, EXPOSURE_FIELD_MASK))
            c := shl(EXPOSURE_PAYOUTS_2_SHIFT, and(c, EXPOSURE_FIELD_MASK))
            value := add(value, or(or(a, b), c))
        }
        unchecked {
            value += entry.exposure();
        }
    }
}
