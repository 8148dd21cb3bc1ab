// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// The linter does not look into assembly, where these are used.
// solhint-disable no-unused-import

import {Fixture} from "../libraries/Fixtures.sol";
import {
    FIXTURE_ENTRY_SIZE,
    FIXTURE_LOCKED,
    FixtureEntries,
    FixtureEntry
} from "../libraries/FixtureEntries.sol";
import {Fraction} from "../libraries/Fractions.sol";
import {
    PLACING_MARKET_CLOSES_AT,
    PLACING_MARKET_EXPOSURE,
    PLACING_MARKET_FIXTURE,
    PLACING_MARKET_LOCKED,
    PLACING_MARKET_MODE,
    PLACING_MARKET_SINGLE_HASHES,
    PLACING_MARKET_SIZE,
    PlacingMarket,
    PlacingMarkets
} from "../libraries/PlacingMarkets.sol";
import {
    PLACING_CAPACITY,
    PLACING_EARLIEST_ACCEPTANCE,
    PLACING_EVENT_AT,
    PLACING_FIXTURE_CAP,
    PLACING_LEAF_AT,
    PLACING_LOCKED,
    PLACING_MARKETS,
    PLACING_MARKET_CAP,
    PLACING_MARKET_COUNT,
    PLACING_SLIPS_LEFT,
    PLACING_SLIP_AT,
    PLACING_TEMPLATE,
    PlacingState
} from "../libraries/PlacingState.sol";
import {
    SETTLING_MARKET_FATES,
    SETTLING_MARKET_RELEASED,
    SETTLING_MARKET_SIZE,
    SettlingMarket,
    SettlingMarkets
} from "../libraries/SettlingMarkets.sol";
import {
    SETTLING_BET_INDEX,
    SETTLING_MARKETS,
    SETTLING_MARKET_COUNT,
    SETTLING_PAID_OUT,
    SETTLING_PAYOUT_AT,
    SETTLING_RECORDS_END,
    SETTLING_RECORD_AT,
    SETTLING_SETTLED_NOW,
    SettlingState
} from "../libraries/SettlingState.sol";

/// @title LayoutHarness
/// @notice Writes memory through structs and setters, and reads it through the offsets that the
/// fast paths use. Each function returns what it read, which must be 1, 2, 3, and so on.
contract LayoutHarness {
    function placingState() external pure returns (uint256[12] memory read) {
        PlacingState memory state;
        (state.earliestAcceptance, state.marketCap, state.fixtureCap) = (1, 2, 3);
        (state.markets, state.marketCount, state.capacity) = (4, 5, 6);
        (state.locked, state.template, state.slipAt) = (7, 8, 9);
        (state.leafAt, state.eventAt, state.slipsLeft) = (10, 11, 12);
        assembly ("memory-safe") {
            mstore(read, mload(add(state, PLACING_EARLIEST_ACCEPTANCE)))
            mstore(add(read, 0x20), mload(add(state, PLACING_MARKET_CAP)))
            mstore(add(read, 0x40), mload(add(state, PLACING_FIXTURE_CAP)))
            mstore(add(read, 0x60), mload(add(state, PLACING_MARKETS)))
            mstore(add(read, 0x80), mload(add(state, PLACING_MARKET_COUNT)))
            mstore(add(read, 0xa0), mload(add(state, PLACING_CAPACITY)))
            mstore(add(read, 0xc0), mload(add(state, PLACING_LOCKED)))
            mstore(add(read, 0xe0), mload(add(state, PLACING_TEMPLATE)))
            mstore(add(read, 0x100), mload(add(state, PLACING_SLIP_AT)))
            mstore(add(read, 0x120), mload(add(state, PLACING_LEAF_AT)))
            mstore(add(read, 0x140), mload(add(state, PLACING_EVENT_AT)))
            mstore(add(read, 0x160), mload(add(state, PLACING_SLIPS_LEFT)))
        }
    }

    function settlingState() external pure returns (uint256[8] memory read) {
        SettlingState memory state;
        (state.markets, state.marketCount, state.settledNow, state.recordAt) = (1, 2, 3, 4);
        (state.recordsEnd, state.betIndex, state.payoutAt, state.paidOut) = (5, 6, 7, 8);
        assembly ("memory-safe") {
            mstore(read, mload(add(state, SETTLING_MARKETS)))
            mstore(add(read, 0x20), mload(add(state, SETTLING_MARKET_COUNT)))
            mstore(add(read, 0x40), mload(add(state, SETTLING_SETTLED_NOW)))
            mstore(add(read, 0x60), mload(add(state, SETTLING_RECORD_AT)))
            mstore(add(read, 0x80), mload(add(state, SETTLING_RECORDS_END)))
            mstore(add(read, 0xa0), mload(add(state, SETTLING_BET_INDEX)))
            mstore(add(read, 0xc0), mload(add(state, SETTLING_PAYOUT_AT)))
            mstore(add(read, 0xe0), mload(add(state, SETTLING_PAID_OUT)))
        }
    }

    /// @notice The second of two markets, and the locked sum of the second of two fixtures.
    function placingMarket() external pure returns (uint256[10] memory read) {
        uint256 entries = PlacingMarkets.reserve(2);
        PlacingMarket entry = PlacingMarkets.at(entries, 1);
        uint256 fixtures = FixtureEntries.reserve(2);
        FixtureEntry fixture = FixtureEntries.at(fixtures, 1);
        fixture.set(0, 0, 0, Fixture.wrap(0));
        fixture.setLocked(10);
        entry.setMarket(1);
        entry.setStored(0, 2);
        entry.setLocked(3);
        entry.setMode(4);
        entry.setTerms(5, 0, FixtureEntry.wrap(6));
        entry.setSingleHash(0, 7);
        entry.setSingleHash(1, 8);
        entry.setSingleHash(2, 9);
        assembly ("memory-safe") {
            let at := add(entries, PLACING_MARKET_SIZE)
            mstore(read, mload(at))
            mstore(add(read, 0x20), mload(add(at, PLACING_MARKET_EXPOSURE)))
            mstore(add(read, 0x40), mload(add(at, PLACING_MARKET_LOCKED)))
            mstore(add(read, 0x60), mload(add(at, PLACING_MARKET_MODE)))
            mstore(add(read, 0x80), mload(add(at, PLACING_MARKET_CLOSES_AT)))
            mstore(add(read, 0xa0), mload(add(at, PLACING_MARKET_FIXTURE)))
            for { let i := 0 } lt(i, 0x60) { i := add(i, 0x20) } {
                mstore(
                    add(read, add(0xc0, i)),
                    mload(add(at, add(PLACING_MARKET_SINGLE_HASHES, i)))
                )
            }
            mstore(add(read, 0x120), mload(add(fixtures, add(FIXTURE_ENTRY_SIZE, FIXTURE_LOCKED))))
        }
    }

    /// @notice The second of two markets: its id, the fates of outcomes 0 to 2, and what the fast
    /// path released of each, which `released` sums up.
    function settlingMarket() external pure returns (uint256[7] memory read, uint256 released) {
        uint256 entries = SettlingMarkets.reserve(2);
        SettlingMarket entry = SettlingMarkets.at(entries, 1);
        entry.setMarket(1);
        for (uint256 i; i < 3; ++i) {
            entry.setFate(i, 2 + i);
            entry.setFraction(i, Fraction.wrap(99));
        }
        assembly ("memory-safe") {
            let at := add(entries, SETTLING_MARKET_SIZE)
            mstore(read, mload(at))
            for { let i := 0 } lt(i, 0x60) { i := add(i, 0x20) } {
                mstore(add(read, add(0x20, i)), mload(add(at, add(SETTLING_MARKET_FATES, i))))
                // A payout of 5, 6 and 7, and a stake of 1
                let sums := add(at, add(SETTLING_MARKET_RELEASED, i))
                mstore(sums, or(add(5, shr(5, i)), shl(128, 1)))
                mstore(add(read, add(0x80, i)), and(mload(sums), 0xff))
            }
        }
        released = entry.released();
    }
}
