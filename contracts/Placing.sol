// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {BatchLayout} from "./libraries/BatchLayout.sol";
import {Batches} from "./libraries/Batches.sol";
import {Calldata} from "./libraries/Calldata.sol";
import {FixtureEntries, FixtureEntry} from "./libraries/FixtureEntries.sol";
import {Fixture} from "./libraries/Fixtures.sol";
import {Book} from "./libraries/Ledger.sol";
import {EXPOSURE_STAKES_SHIFT} from "./libraries/Markets.sol";
import {Memory} from "./libraries/Memory.sol";
import {Money} from "./libraries/Money.sol";
import {PLACED_EVENT_MARKET_COUNT, PlacedEvent, SKIP_SIZE} from "./libraries/PlacedEvent.sol";
import {PlacingFastPath} from "./libraries/PlacingFastPath.sol";
import {PlacingMarket} from "./libraries/PlacingMarkets.sol";
import {PlacingState} from "./libraries/PlacingState.sol";
import {MAX_BETS} from "./libraries/Protocol.sol";
import {RangeProof} from "./libraries/RangeProof.sol";
import {RECORD_HEAD_SIZE, RECORD_LEG_SIZE, Records} from "./libraries/Records.sol";
import {Skips} from "./libraries/Skips.sol";
import {StorageSlots} from "./libraries/StorageSlots.sol";
import {PlacingSlips} from "./PlacingSlips.sol";
import {PlacingTable} from "./PlacingTable.sol";

/// @title Placing
/// @notice Places a batch of slips: checks each slip, debits its stake, adds to what the bankroll
/// locks, and stores one commitment to all bets of the batch. A slip that fails a check is left
/// out, and the event says why; it never makes the batch fail.
///
/// Read the three files in this order: `PlacingTable` reads what the slips have in common,
/// `PlacingSlips` decides one slip, and this one loops over the slips and stores what they change.
/// @dev A part of `Sportsbook`, whose functions say who may place. `PlacingFastPath` handles plain
/// slips; `PlacingSlips._placeSlip` is the slow path, which handles every slip and knows the
/// reasons for leaving one out. ISportsbook has the layouts of Table, Record and Batch.
abstract contract Placing is PlacingSlips {
    constructor(ISportsbook.Rules memory rules) PlacingTable(rules) {}

    /// @notice Place the slips in one pass, then store what they change.
    /// @return id Number of the batch.
    /// @return skip Why the last slip of the slow path was left out, or None.
    function _place(PlacingState memory state, bytes calldata batch)
        internal
        returns (uint256 id, ISportsbook.Skip)
    {
        unchecked {
            // Check
            uint256 at = Calldata.start(batch) + state.tableSize;
            uint256 count = BatchLayout.slipCount(Calldata.word(at));
            if (count == 0 || count > MAX_BETS) revert ISportsbook.BatchTooLarge(count);
            at += BatchLayout.SLIP_COUNT_SIZE;

            uint256 leaves = Memory.reserve(32 * count);
            uint256 skips = Memory.reserve(SKIP_SIZE * count + 32);
            uint256 skipAt = skips;
            uint256 data = PlacedEvent.create(state, batch.length);
            (state.slipAt, state.leafAt, state.slipsLeft) = (at, leaves, count);

            // Check and effect, slip by slip: a slip that fails a check changes nothing.
            uint256 skip;
            bool signed = state.bettor == address(0);
            if (signed) PlacingFastPath.place(state);
            while (state.slipsLeft != 0) {
                uint256 head = Calldata.word(state.slipAt);
                uint256 next;
                (skip, next) = _placeSlip(state, state.slipAt, head, Records.legCount(head));
                if (skip == Skips.NONE) {
                    _appendBet(state, head);
                } else {
                    PlacedEvent.writeSkip(skipAt, head, skip);
                    skipAt += SKIP_SIZE;
                }
                state.slipAt = next;
                --state.slipsLeft;
                if (signed) PlacingFastPath.place(state);
            }

            // Check
            if (state.slipAt != Calldata.start(batch) + batch.length) {
                revert ISportsbook.BatchMalformed();
            }

            // Effect
            uint256 out = state.eventAt;
            uint256 placed = (state.leafAt - leaves) >> 5;
            uint256 wholeAt = data + PLACED_EVENT_MARKET_COUNT;
            bytes32 whole = Batches.wholeHash(wholeAt, out - wholeAt);
            id = _store(state, whole, leaves, placed);
            PlacedEvent.emitPlaced(id, data, out, placed, skips, SKIP_SIZE * (count - placed));
            return (id, ISportsbook.Skip(skip));
        }
    }

    /// @dev Appends the bet's leaf to the tree, and its record to the event.
    /// `PlacingFastPath.place` appends those of plain slips itself.
    function _appendBet(PlacingState memory state, uint256 head) private pure {
        unchecked {
            uint256 legs = Records.legCount(head);
            bytes32 hash = Records.leafHash(state.legWords, head, legs, state.base);
            (uint256 leaf, uint256 out, uint256 at) = (state.leafAt, state.eventAt, state.slipAt);
            uint256 size = RECORD_HEAD_SIZE + RECORD_LEG_SIZE * legs;
            assembly ("memory-safe") {
                // [leaf,leaf+0x20)
                mstore(leaf, hash)
                // [out,out+size)
                calldatacopy(out, at, size)
            }
            state.leafAt = leaf + 32;
            state.eventAt = out + size;
        }
    }

    /// @dev Stores exposures, fixtures, book and commitment.
    function _store(PlacingState memory state, bytes32 whole, uint256 leaves, uint256 placed)
        private
        returns (uint256 id)
    {
        unchecked {
            PlacingMarket entry = PlacingMarket.wrap(state.markets);
            for (uint256 i; i < state.marketCount; ++i) {
                (uint256 before, uint256 exposure) = (entry.stored(), entry.exposure());
                if (before != exposure) {
                    StorageSlots.write(entry.slot(), exposure);
                    state.stakes += (exposure >> EXPOSURE_STAKES_SHIFT)
                        - (before >> EXPOSURE_STAKES_SHIFT);
                }
                entry = entry.next();
            }
            for (uint256 i; i < state.fixtureCount; ++i) {
                FixtureEntry fixture = FixtureEntries.at(state.fixtures, i);
                (Fixture before, uint256 locked) = (fixture.stored(), fixture.locked());
                if (locked > before.locked()) state.raised += locked - before.locked();
                Fixture changed = before.setLocked(locked);
                if (before.term() == 0 && placed != 0) {
                    changed = changed.setTerm(ledger_.caps.term);
                }
                if (Fixture.unwrap(changed) != Fixture.unwrap(before)) {
                    StorageSlots.write(fixture.slot(), Fixture.unwrap(changed));
                }
            }
            Book memory book = ledger_.book;
            id = ++book.batchCount;
            book.pool = Money.add(book.pool, state.stakes);
            book.owed = Money.add(book.owed, state.stakes);
            book.locked = Money.fit(state.locked);
            state.raised += state.accumulators - book.accumulators;
            book.accumulators = Money.fit(state.accumulators);
            ledger_.book = book;
            if (placed != 0) {
                ledger_.batches[id] = Batches.commit(whole, RangeProof.root(leaves, placed), placed);
            }
        }
    }
}
