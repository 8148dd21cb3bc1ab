// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {BatchLayout} from "./libraries/BatchLayout.sol";
import {Calldata} from "./libraries/Calldata.sol";
import {FixtureEntries, FixtureEntry} from "./libraries/FixtureEntries.sol";
import {Fixture} from "./libraries/Fixtures.sol";
import {Book, Caps, LedgerStorage, VOID_AFTER_START} from "./libraries/Ledger.sol";
import {Markets} from "./libraries/Markets.sol";
import {Memory} from "./libraries/Memory.sol";
import {PlacingMarket, PlacingMarkets} from "./libraries/PlacingMarkets.sol";
import {PlacingState} from "./libraries/PlacingState.sol";
import {MAX_LEGS} from "./libraries/Protocol.sol";
import {SlipTemplate} from "./libraries/SlipTemplate.sol";
import {StorageSlots} from "./libraries/StorageSlots.sol";
import {TypedData} from "./libraries/TypedData.sol";

/// @title PlacingTable
/// @notice The first step of placing a batch: reads the table of fixtures and markets at its start,
/// and all the storage that its slips change but their accounts. `Placing` goes on from there.
/// @dev A part of `Sportsbook`. Nothing is stored here.
abstract contract PlacingTable is LedgerStorage, ISportsbook {
    uint256 private constant UNLIMITED = type(uint256).max;

    /// @inheritdoc ISportsbook
    uint40 public immutable BATCH_WINDOW;
    /// @inheritdoc ISportsbook
    uint40 public immutable RECEIPT_WINDOW;
    /// @inheritdoc ISportsbook
    uint40 public immutable HORIZON;

    constructor(ISportsbook.Rules memory rules) {
        (BATCH_WINDOW, RECEIPT_WINDOW, HORIZON) =
        (rules.batchWindow, rules.receiptWindow, rules.horizon);
    }

    /// @notice Read the table at the start of a batch, and the storage that its bets change.
    /// @dev Fixtures and markets must be in ascending order, so that none is listed twice and each
    /// has one running sum.
    /// @param state New, but for `enforced`. Not an argument: the compiler would make a copy of
    /// this function for each of its values.
    /// @param batch See BatchLayout for its bytes.
    /// @param separator Domain separator of the slips' signatures.
    function _readTable(PlacingState memory state, bytes calldata batch, bytes32 separator)
        internal
        view
    {
        unchecked {
            uint256 at = Calldata.start(batch);
            uint256 head = Calldata.word(at);
            state.base = BatchLayout.base(head);
            state.fixtureCount = BatchLayout.fixtureCount(head);
            at += BatchLayout.TABLE_HEAD_SIZE + BatchLayout.TABLE_FIXTURE_SIZE * state.fixtureCount;
            state.marketCount = BatchLayout.marketCount(Calldata.word(at));
            at += BatchLayout.MARKET_COUNT_SIZE;
            state.tableSize =
                at + BatchLayout.TABLE_MARKET_SIZE * state.marketCount - Calldata.start(batch);
            if (batch.length < state.tableSize) revert ISportsbook.TableMalformed();
            state.legBuffer = Memory.reserve(TypedData.LEG_SIZE);
            _readFixtures(state, Calldata.start(batch) + BatchLayout.TABLE_HEAD_SIZE);
            _readMarkets(state, at);
            _readBook(state);
            state.earliestAcceptance =
                block.timestamp - (state.enforced ? RECEIPT_WINDOW : BATCH_WINDOW);
            state.legHashes = Memory.reserve(32 * MAX_LEGS);
            state.legWords = Memory.reserve(32 * MAX_LEGS + 32);
            state.template = SlipTemplate.create(separator, state.base, ledger_.accounts);
        }
    }

    /// @dev Receipts may use all that is free. Batches and quotes must leave what receipts may
    /// need, so that no bet of the operator's can keep a receipt from being enforced.
    function _readBook(PlacingState memory state) private view {
        unchecked {
            Book memory book = ledger_.book;
            state.capacity = book.pool - book.owed;
            state.locked = book.locked;
            state.accumulators = book.accumulators;
            if (state.enforced) {
                (state.marketCap, state.fixtureCap, state.accumulatorCap) =
                (UNLIMITED, UNLIMITED, UNLIMITED);
                return;
            }
            Caps memory caps = ledger_.caps;
            if (caps.paused) revert ISportsbook.PlacingIsPaused();
            state.capacity = state.capacity > caps.reserve ? state.capacity - caps.reserve : 0;
            (state.marketCap, state.fixtureCap, state.accumulatorCap) =
            (caps.market, caps.fixture, caps.accumulators);
        }
    }

    function _readFixtures(PlacingState memory state, uint256 at) private view {
        unchecked {
            uint256 count = state.fixtureCount;
            uint256 entries = FixtureEntries.reserve(count);
            state.fixtures = entries;
            uint256 latestStart = block.timestamp + HORIZON;
            uint256 previous;
            for (uint256 i; i < count; ++i) {
                uint256 name = Calldata.word(at);
                uint256 id = Markets.fixtureId(name);
                if (id <= previous) revert ISportsbook.TableMalformed();
                previous = id;
                uint256 startsAt = BatchLayout.fixtureStartsAt(Calldata.word(at + 32));
                if (startsAt > latestStart) revert ISportsbook.StartTooFar(startsAt, latestStart);
                uint256 slot = StorageSlots.slotOf(ledger_.fixtures, id);
                FixtureEntries.at(entries, i)
                    .set(name, startsAt, slot, Fixture.wrap(StorageSlots.read(slot)));
                at += BatchLayout.TABLE_FIXTURE_SIZE;
            }
        }
    }

    function _readMarkets(PlacingState memory state, uint256 at) private view {
        unchecked {
            uint256 count = state.marketCount;
            PlacingMarket entry = PlacingMarket.wrap(PlacingMarkets.reserve(count));
            state.markets = PlacingMarket.unwrap(entry);
            uint256 previous;
            // Fixtures of the markets so far. All that are listed need a market: each gets a
            // council, and the event tells fixtures by their markets.
            uint256 used;
            for (uint256 i; i < count; ++i) {
                uint256 listed = Calldata.word(at);
                uint256 index = BatchLayout.marketFixture(listed);
                if (index == used) ++used;
                else if (index > used) revert ISportsbook.TableMalformed();
                FixtureEntry fixture = FixtureEntries.at(state.fixtures, index);
                uint256 market = Markets.make(
                    fixture.name(), fixture.startsAt(), BatchLayout.marketTerms(listed)
                );
                if (market <= previous) revert ISportsbook.TableMalformed();
                previous = market;
                uint256 slot = StorageSlots.slotOf(ledger_.exposures, market);
                uint256 exposure = StorageSlots.read(slot);
                uint256 mode = Markets.mode(market);
                entry.setStored(market, slot, exposure);
                entry.setMode(mode);
                entry.setLocked(Markets.locked(mode, exposure));
                uint256 outcomes = Markets.outcomes(market);
                entry.setTerms(_closesAt(state, market, fixture), outcomes, fixture);
                if (outcomes != 0 && !Markets.outcomesFollowLine(market)) {
                    _cacheLegHashes(entry, state.legBuffer);
                }
                entry = entry.next();
                at += BatchLayout.TABLE_MARKET_SIZE;
            }
            // Fewer: one has no market. More: a market is of one that is not listed, and what was
            // read in its place counts for nothing.
            if (used != state.fixtureCount) revert ISportsbook.TableMalformed();
        }
    }

    /// @dev Time from which bets on a market are refused. Once a result is published, only a
    /// receipt for a slip that was accepted before can add a bet.
    function _closesAt(PlacingState memory state, uint256 market, FixtureEntry fixture)
        private
        pure
        returns (uint256 closesAt)
    {
        unchecked {
            closesAt = fixture.startsAt();
            if (Markets.inPlay(market)) closesAt += VOID_AFTER_START;
            Fixture stored = fixture.stored();
            if (stored.status() == 0) return closesAt;
            if (!state.enforced) return 0;
            return stored.publishedAt() < closesAt ? stored.publishedAt() : closesAt;
        }
    }

    /// @dev Caches, for each outcome of a market with two or three fixed outcomes, the hash of a
    /// leg on it and the hash over the legs of a slip with that one leg.
    function _cacheLegHashes(PlacingMarket entry, uint256 scratch) private pure {
        TypedData.writeLeg(entry.fixture().name(), entry.market(), scratch);
        (bytes32 first, bytes32 second, bytes32 third) =
            TypedData.legHashes(entry.market(), scratch);
        _cacheLegHash(entry, 0, first);
        _cacheLegHash(entry, 1, second);
        if (third != 0) _cacheLegHash(entry, 2, third);
    }

    function _cacheLegHash(PlacingMarket entry, uint256 outcome, bytes32 legHash) private pure {
        uint256 legsHash;
        assembly ("memory-safe") {
            // [0x00,0x20), scratch space
            mstore(0, legHash)
            legsHash := keccak256(0, 32)
        }
        entry.setLegHash(outcome, uint256(legHash));
        entry.setSingleHash(outcome, legsHash);
    }
}
