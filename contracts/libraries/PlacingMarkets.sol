// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {FixtureEntry} from "./FixtureEntries.sol";
import {MarketEntries} from "./MarketEntries.sol";
import {Memory} from "./Memory.sol";

/// @notice A market of the batch being placed: the memory address of its entry.
type PlacingMarket is uint256;

using PlacingMarkets for PlacingMarket global;

// Layout of an entry. It begins as MarketEntries says. Hashes are caches: 0 until they are
// computed.
//   [0x000,0x020)  market id
//   [0x020,0x040)  exposure, with the slips placed
//   [0x040,0x060)  what the market locks
//   [0x060,0x080)  exposure mode, see Markets
//   [0x080,0x0a0)  time from which bets are refused
//   [0x0a0,0x0c0)  number of outcomes
//   [0x0c0,0x0e0)  FixtureEntry
//   [0x0e0,0x140)  leg hash, for outcomes 0 to 2
//   [0x140,0x1a0)  hash over the legs of a slip with that one leg, for outcomes 0 to 2
//   [0x1a0,0x1c0)  storage slot of the exposure
//   [0x1c0,0x1e0)  exposure as stored
uint256 constant PLACING_MARKET_LOCKED = 0x40;
uint256 constant PLACING_MARKET_MODE = 0x60;
uint256 constant PLACING_MARKET_CLOSES_AT = 0x80;
uint256 constant PLACING_MARKET_OUTCOMES = 0xa0;
uint256 constant PLACING_MARKET_FIXTURE = 0xc0;
uint256 constant PLACING_MARKET_LEG_HASHES = 0xe0;
uint256 constant PLACING_MARKET_SINGLE_HASHES = 0x140;
uint256 constant PLACING_MARKET_SLOT = 0x1a0;
uint256 constant PLACING_MARKET_STORED = 0x1c0;
uint256 constant PLACING_MARKET_SIZE = 0x1e0;

/// @title PlacingMarkets
/// @notice The markets of a batch in memory, one entry after the other: what the batch's table
/// says of them, and what its slips have added to their exposures so far.
library PlacingMarkets {
    function reserve(uint256 count) internal pure returns (uint256 entries) {
        unchecked {
            return Memory.reserveZeroed(count * PLACING_MARKET_SIZE);
        }
    }

    function at(uint256 entries, uint256 index) internal pure returns (PlacingMarket) {
        unchecked {
            return PlacingMarket.wrap(entries + index * PLACING_MARKET_SIZE);
        }
    }

    function next(PlacingMarket entry) internal pure returns (PlacingMarket) {
        unchecked {
            return PlacingMarket.wrap(PlacingMarket.unwrap(entry) + PLACING_MARKET_SIZE);
        }
    }

    // -- As in every entry of a market

    function market(PlacingMarket entry) internal pure returns (uint256) {
        return MarketEntries.id(PlacingMarket.unwrap(entry));
    }

    function exposure(PlacingMarket entry) internal pure returns (uint256) {
        return MarketEntries.exposure(PlacingMarket.unwrap(entry));
    }

    function setExposure(PlacingMarket entry, uint256 value) internal pure {
        MarketEntries.setExposure(PlacingMarket.unwrap(entry), value);
    }

    // -- While placing

    /// @notice Set the market's id, its exposure as stored, and the slot of that.
    function setStored(PlacingMarket entry, uint256 market_, uint256 slot_, uint256 value)
        internal
        pure
    {
        MarketEntries.setId(PlacingMarket.unwrap(entry), market_);
        MarketEntries.setExposure(PlacingMarket.unwrap(entry), value);
        assembly ("memory-safe") {
            // Entry [0x1a0,0x1e0)
            mstore(add(entry, PLACING_MARKET_SLOT), slot_)
            mstore(add(entry, PLACING_MARKET_STORED), value)
        }
    }

    function setMode(PlacingMarket entry, uint256 value) internal pure {
        assembly ("memory-safe") {
            // Entry [0x060,0x080)
            mstore(add(entry, PLACING_MARKET_MODE), value)
        }
    }

    function setLocked(PlacingMarket entry, uint256 value) internal pure {
        assembly ("memory-safe") {
            // Entry [0x040,0x060)
            mstore(add(entry, PLACING_MARKET_LOCKED), value)
        }
    }

    function setTerms(
        PlacingMarket entry,
        uint256 closesAt_,
        uint256 outcomes_,
        FixtureEntry fixture_
    ) internal pure {
        assembly ("memory-safe") {
            // Entry [0x080,0x0e0)
            mstore(add(entry, PLACING_MARKET_CLOSES_AT), closesAt_)
            mstore(add(entry, PLACING_MARKET_OUTCOMES), outcomes_)
            mstore(add(entry, PLACING_MARKET_FIXTURE), fixture_)
        }
    }

    function setLegHash(PlacingMarket entry, uint256 outcome, uint256 value) internal pure {
        MarketEntries.setOfOutcome(
            PlacingMarket.unwrap(entry), PLACING_MARKET_LEG_HASHES, outcome, value
        );
    }

    function setSingleHash(PlacingMarket entry, uint256 outcome, uint256 value) internal pure {
        MarketEntries.setOfOutcome(
            PlacingMarket.unwrap(entry), PLACING_MARKET_SINGLE_HASHES, outcome, value
        );
    }

    function locked(PlacingMarket entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, PLACING_MARKET_LOCKED))
        }
    }

    function mode(PlacingMarket entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, PLACING_MARKET_MODE))
        }
    }

    function closesAt(PlacingMarket entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, PLACING_MARKET_CLOSES_AT))
        }
    }

    function outcomes(PlacingMarket entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, PLACING_MARKET_OUTCOMES))
        }
    }

    function fixture(PlacingMarket entry) internal pure returns (FixtureEntry value) {
        assembly ("memory-safe") {
            value := mload(add(entry, PLACING_MARKET_FIXTURE))
        }
    }

    /// @dev For outcomes 0 to 2; 0 until it is computed.
    function legHash(PlacingMarket entry, uint256 outcome) internal pure returns (uint256) {
        return
            MarketEntries.ofOutcome(PlacingMarket.unwrap(entry), PLACING_MARKET_LEG_HASHES, outcome);
    }

    function slot(PlacingMarket entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, PLACING_MARKET_SLOT))
        }
    }

    function stored(PlacingMarket entry) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(entry, PLACING_MARKET_STORED))
        }
    }
}
