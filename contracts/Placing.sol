// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Account, Accounts} from "./libraries/Accounts.sol";
import {Batches} from "./libraries/Batches.sol";
import {Calldata} from "./libraries/Calldata.sol";
import {FixtureEntries, FixtureEntry} from "./libraries/FixtureEntries.sol";
import {Fixture, Fixtures} from "./libraries/Fixtures.sol";
import {Book, Caps, LedgerStorage, Restriction, VOID_AFTER_START} from "./libraries/Ledger.sol";
import {PlacingMarkets, PlacingMarket} from "./libraries/PlacingMarkets.sol";
import {Markets} from "./libraries/Markets.sol";
import {Money} from "./libraries/Money.sol";
import {PlacingFastPath} from "./libraries/PlacingFastPath.sol";
import {PlacingState} from "./libraries/PlacingState.sol";
import {RangeProof} from "./libraries/RangeProof.sol";
import {Records} from "./libraries/Records.sol";
import {Restrictions} from "./libraries/Restrictions.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {SlipTemplate} from "./libraries/SlipTemplate.sol";
import {StorageSlots} from "./libraries/StorageSlots.sol";
import {TypedData} from "./libraries/TypedData.sol";

/// @title Placing
/// @notice Places a batch of slips: checks each slip, debits its stake, adds to what the bankroll
/// locks, and stores one commitment to all bets of the batch.
/// @dev `PlacingFastPath` handles plain slips. `_placeSlip` is the slow path, which handles every
/// slip and knows the reasons for leaving one out. ISportsbook has the layouts of Table, Record
/// and Batch.
abstract contract Placing is LedgerStorage, ISportsbook {
    using SlipTemplate for PlacingState;

    uint256 private constant ODDS_ONE = 1e4;
    uint256 private constant MAX_BETS = 256;
    uint256 private constant MAX_LEGS = 12;
    /// @dev Bytes of a skipped slip in the event: account 4 | nonce 3 | reason 1.
    uint256 private constant SKIP_SIZE = 8;
    /// @dev Bytes after a slip's record: minimum odds 5 | deadline 2 | signature length 2. Then
    /// follows the signature.
    uint256 private constant TAIL_SIZE = 9;
    /// @dev Bytes of the table before its fixtures: base time 5 | number of fixtures 1.
    uint256 private constant TABLE_HEAD_SIZE = 6;
    /// @dev Bytes of a fixture in the table: hash of the name 32 | start 5.
    uint256 private constant TABLE_FIXTURE_SIZE = 37;
    /// @dev Bytes of a market in the table: fixture index 1 | kind 1 | period 1 | line 2 | flags
    /// 1.
    uint256 private constant TABLE_MARKET_SIZE = 6;
    /// @dev Bytes before the event's markets: number of bets 2 | number of markets 1.
    uint256 private constant EVENT_COUNTS_SIZE = 3;
    /// @dev Bytes that ABI encoding puts before the event's data: offset 32 | length 32.
    uint256 private constant EVENT_HEAD_SIZE = 64;
    uint256 private constant UNLIMITED = type(uint256).max;

    // ISportsbook.Skip as numbers: the compiler would check an enum's range at every use.
    uint256 private constant NONE = 0;
    uint256 private constant ACCOUNT_UNKNOWN = 1;
    uint256 private constant SIGNATURE_INVALID = 2;
    uint256 private constant NONCE_USED = 3;
    uint256 private constant SLIP_EXPIRED = 4;
    uint256 private constant BALANCE_INSUFFICIENT = 5;
    uint256 private constant ODDS_BELOW_MINIMUM = 6;
    uint256 private constant MARKET_UNKNOWN = 7;
    uint256 private constant MARKET_CLOSED = 8;
    uint256 private constant ACCEPTANCE_OUTSIDE_WINDOW = 9;
    uint256 private constant STAKE_INVALID = 10;
    uint256 private constant EXPOSURE_EXCEEDED = 11;
    uint256 private constant PAYOUT_TOO_LARGE = 12;
    uint256 private constant ODDS_INVALID = 13;
    uint256 private constant EXCLUDED = 14;
    uint256 private constant LEGS_INVALID = 15;
    uint256 private constant CAP_EXCEEDED = 16;
    uint256 private constant NONCE_CANCELLED = 17;
    uint256 private constant NONCE_TOO_FAR = 18;

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
    function _readTable(PlacingState memory state, bytes calldata batch, bytes32 separator)
        internal
        view
    {
        unchecked {
            uint256 at = Calldata.start(batch);
            uint256 head = Calldata.word(at);
            state.base = head >> 216;
            state.fixtureCount = uint8(head >> 208);
            at += TABLE_HEAD_SIZE + TABLE_FIXTURE_SIZE * state.fixtureCount;
            state.marketCount = Calldata.word(at) >> 248;
            state.tableSize = at + 1 + TABLE_MARKET_SIZE * state.marketCount - Calldata.start(batch);
            if (batch.length < state.tableSize) revert ISportsbook.TableMalformed();
            state.legBuffer = _reserve(TypedData.LEG_SIZE);
            _readFixtures(state, Calldata.start(batch) + TABLE_HEAD_SIZE);
            _readMarkets(state, at + 1);
            _readBook(state);
            state.earliestAcceptance =
                block.timestamp - (state.enforced ? RECEIPT_WINDOW : BATCH_WINDOW);
            state.legHashes = _reserve(32 * MAX_LEGS);
            state.legWords = _reserve(32 * MAX_LEGS + 32);
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

    /// @notice Place the slips in one pass, then store what they change.
    /// @return id Number of the batch.
    /// @return skip Why the last slip of the slow path was left out, or None.
    function _place(PlacingState memory state, bytes calldata batch)
        internal
        returns (uint256 id, ISportsbook.Skip)
    {
        unchecked {
            uint256 at = Calldata.start(batch) + state.tableSize;
            uint256 count = Calldata.word(at) >> 240;
            if (count == 0 || count > MAX_BETS) revert ISportsbook.BatchTooLarge(count);
            at += 2;

            uint256 leaves = _reserve(32 * count);
            uint256 skips = _reserve(SKIP_SIZE * count + 32);
            uint256 skipAt = skips;
            // Reserved last, and large enough for the records of all slips.
            uint256 data = _reserve(
                EVENT_HEAD_SIZE + EVENT_COUNTS_SIZE + Markets.PACKED_SIZE * state.marketCount
                    + batch.length + 64
            );
            state.slipAt = at;
            state.leafAt = leaves;
            uint256 markets = data + EVENT_HEAD_SIZE + EVENT_COUNTS_SIZE;
            state.eventAt = _writeEventMarkets(state, markets);
            state.slipsLeft = count;
            uint256 skip;
            bool signed = state.bettor == address(0);
            if (signed) PlacingFastPath.place(state);
            while (state.slipsLeft != 0) {
                uint256 head = Calldata.word(state.slipAt);
                uint256 next;
                (skip, next) = _placeSlip(state, state.slipAt, head, Records.legCount(head));
                if (skip == NONE) {
                    _appendBet(state, head);
                } else {
                    assembly ("memory-safe") {
                        // [skipAt,skipAt+0x08): account and nonce, the first 7 bytes of the
                        // record, then the reason; zeros after
                        mstore(skipAt, or(shl(200, shr(200, head)), shl(192, skip)))
                        skipAt := add(skipAt, SKIP_SIZE)
                    }
                }
                state.slipAt = next;
                --state.slipsLeft;
                if (signed) PlacingFastPath.place(state);
            }
            at = state.slipAt;
            uint256 out = state.eventAt;
            uint256 placed = (state.leafAt - leaves) >> 5;
            if (at != Calldata.start(batch) + batch.length) revert ISportsbook.BatchMalformed();

            bytes32 whole = Batches.wholeHash(markets - 1, out - markets + 1);
            id = _store(state, whole, leaves, placed);
            _emitBatchPlaced(id, data, out, placed, skips, SKIP_SIZE * (count - placed));
            return (id, ISportsbook.Skip(skip));
        }
    }

    /// @dev Appends the bet's leaf to the tree, and its record to the event.
    function _appendBet(PlacingState memory state, uint256 head) private pure {
        unchecked {
            uint256 legs = Records.legCount(head);
            bytes32 hash = Records.leafHash(state.legWords, head, legs, state.base);
            (uint256 leaf, uint256 out, uint256 at) = (state.leafAt, state.eventAt, state.slipAt);
            uint256 size = Records.HEAD_SIZE + Records.LEG_SIZE * legs;
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

    // -- The table

    function _readFixtures(PlacingState memory state, uint256 at) private view {
        unchecked {
            uint256 count = state.fixtureCount;
            uint256 entries = FixtureEntries.reserve(count);
            state.fixtures = entries;
            uint256 latestStart = block.timestamp + HORIZON;
            uint256 previous;
            for (uint256 i; i < count; ++i) {
                uint256 name = Calldata.word(at);
                uint256 id = name >> 128;
                if (id <= previous) revert ISportsbook.TableMalformed();
                previous = id;
                uint256 startsAt = Calldata.word(at + 32) >> 216;
                if (startsAt > latestStart) revert ISportsbook.StartTooFar(startsAt, latestStart);
                uint256 slot = StorageSlots.slotOf(ledger_.fixtures, id);
                FixtureEntries.at(entries, i)
                    .set(name, startsAt, slot, Fixture.wrap(StorageSlots.read(slot)));
                at += TABLE_FIXTURE_SIZE;
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
                if (listed >> 248 == used) ++used;
                else if (listed >> 248 > used) revert ISportsbook.TableMalformed();
                FixtureEntry fixture = FixtureEntries.at(state.fixtures, listed >> 248);
                // kind 8 | period 8 | line 16 | flags 8. Widened before it is shifted: a uint40
                // would lose all of its bits.
                uint256 terms = uint40(listed >> 208);
                uint256 market =
                    ((fixture.name() >> 128) << 128) | (fixture.startsAt() << 88) | (terms << 48);
                if (market <= previous) revert ISportsbook.TableMalformed();
                previous = market;
                uint256 slot = StorageSlots.slotOf(ledger_.exposures, market);
                uint256 exposure = StorageSlots.read(slot);
                uint256 mode = Markets.mode(market);
                entry.setMarket(market);
                entry.setStored(slot, exposure);
                entry.setMode(mode);
                entry.setLocked(Markets.locked(mode, exposure));
                uint256 outcomes = Markets.outcomes(market);
                entry.setTerms(_closesAt(state, market, fixture), outcomes, fixture);
                if (outcomes != 0 && !Markets.outcomesFollowLine(market)) {
                    _cacheLegHashes(entry, state.legBuffer);
                }
                entry = entry.next();
                at += TABLE_MARKET_SIZE;
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

    // -- A slip

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

    /// @dev The slow path. Checks the slip, then changes the account and the running sums. Writes
    /// the bet's leg words to `state.legWords`.
    /// @return skip Why the slip is left out, or NONE.
    /// @return next Position of the next slip.
    function _placeSlip(PlacingState memory state, uint256 at, uint256 head, uint256 legs)
        private
        returns (uint256 skip, uint256 next)
    {
        unchecked {
            uint256 tailAt = at + Records.HEAD_SIZE + Records.LEG_SIZE * legs;
            uint256 tail = Calldata.word(tailAt);
            next = tailAt + TAIL_SIZE;
            if (state.bettor == address(0)) {
                uint256 length = uint16(tail >> 184);
                next += length == 0 ? 64 : length;
            }
            uint256 stake = Records.stake(head);
            uint256 payout;
            (skip, payout) = _checkTerms(state, at, head, tail, legs, stake);
            if (skip != NONE) return (skip, next);

            Account account;
            (skip, account) = _checkAccount(state, head, stake);
            if (skip != NONE) return (skip, next);

            if (legs != 1) {
                uint256 risk = payout - stake;
                if (state.locked + risk > state.capacity) return (EXPOSURE_EXCEEDED, next);
                if (risk > state.marketCap || state.accumulators + risk > state.accumulatorCap) {
                    return (CAP_EXCEEDED, next);
                }
                if (!_isSigned(state, account, head, tail, tailAt, legs)) {
                    return (SIGNATURE_INVALID, next);
                }
                state.locked += risk;
                state.accumulators += risk;
                state.stakes += stake;
            } else {
                uint256 leg = Calldata.word(at + Records.HEAD_SIZE);
                PlacingMarket entry = PlacingMarkets.at(state.markets, leg >> 248);
                uint256 exposure =
                    entry.exposure() + Markets.exposureOf(uint8(leg >> 240), payout, stake);
                uint256 before = entry.locked();
                uint256 after_ = Markets.locked(entry.mode(), exposure);
                uint256 locked = state.locked + after_ - before;
                if (locked > state.capacity) return (EXPOSURE_EXCEEDED, next);
                FixtureEntry fixture = entry.fixture();
                uint256 lockedOfFixture = Fixtures.replaceInSum(fixture.locked(), before, after_);
                if (after_ > state.marketCap || lockedOfFixture > state.fixtureCap) {
                    return (CAP_EXCEEDED, next);
                }
                if (!_isSigned(state, account, head, tail, tailAt, 1)) {
                    return (SIGNATURE_INVALID, next);
                }
                entry.setExposure(exposure);
                entry.setLocked(after_);
                fixture.setLocked(lockedOfFixture);
                state.locked = locked;
            }
            state.setPayout(payout);
            ledger_.accounts[Records.account(head)] = account.debit(stake);
        }
    }

    /// @dev Checks times, stake, legs and odds. Writes the leg words, and the leg hashes for the
    /// signature.
    /// @return skip Why the slip is left out, or NONE.
    /// @return payout What the bet pays if every leg wins.
    function _checkTerms(
        PlacingState memory state,
        uint256 at,
        uint256 head,
        uint256 tail,
        uint256 legs,
        uint256 stake
    ) private view returns (uint256 skip, uint256 payout) {
        unchecked {
            uint256 acceptedAt = state.base + Records.acceptedAfter(head);
            if (acceptedAt > block.timestamp || acceptedAt < state.earliestAcceptance) {
                return (ACCEPTANCE_OUTSIDE_WINDOW, 0);
            }
            if (Records.acceptedAfter(head) > uint16(tail >> 200)) return (SLIP_EXPIRED, 0);
            if (stake - 1 >= Accounts.MAX_BALANCE) return (STAKE_INVALID, 0);
            if (legs - 1 >= MAX_LEGS) return (LEGS_INVALID, 0);

            // Product of the odds x 1e4, and the 1e4s by which it is too large.
            uint256 product = 1;
            uint256 scale = 1;
            // A bit for each fixture of the legs before.
            uint256 fixtures;
            uint256 hashAt = state.legHashes;
            uint256 wordAt = state.legWords;
            at += Records.HEAD_SIZE;
            for (uint256 end = at + Records.LEG_SIZE * legs; at < end; at += Records.LEG_SIZE) {
                uint256 leg = Calldata.word(at);
                if (leg >> 248 >= state.marketCount) return (MARKET_UNKNOWN, 0);
                PlacingMarket entry = PlacingMarkets.at(state.markets, leg >> 248);
                uint256 outcome = uint8(leg >> 240);
                if (outcome >= entry.outcomes()) return (MARKET_UNKNOWN, 0);
                if (acceptedAt >= entry.closesAt()) return (MARKET_CLOSED, 0);
                // Legs of one fixture depend on each other: their odds must not be multiplied.
                uint256 fixture = 1 << FixtureEntries.indexOf(state.fixtures, entry.fixture());
                if (fixtures & fixture != 0) return (LEGS_INVALID, 0);
                fixtures |= fixture;
                uint256 odds = uint32(leg >> 208);
                if (odds <= ODDS_ONE) return (ODDS_INVALID, 0);
                // stake x product < MAX_BALANCE x 1e4^12 x 2^32 < 2^256: larger payouts return
                // here.
                product *= odds;
                scale *= ODDS_ONE;
                payout = stake * product / scale;
                if (payout > Accounts.MAX_BALANCE) return (PAYOUT_TOO_LARGE, 0);

                uint256 hash = outcome < 3 ? entry.legHash(outcome) : 0;
                if (hash == 0) hash = _legHash(state, entry, outcome);
                uint256 word = Records.legWord(entry.market(), leg);
                assembly ("memory-safe") {
                    // [hashAt,hashAt+0x20)
                    mstore(hashAt, hash)
                    // [wordAt,wordAt+0x20)
                    mstore(wordAt, word)
                }
                hashAt += 32;
                wordAt += 32;
            }
            if (product * ODDS_ONE < (tail >> 216) * scale) return (ODDS_BELOW_MINIMUM, 0);
        }
    }

    function _legHash(PlacingState memory state, PlacingMarket entry, uint256 outcome)
        private
        pure
        returns (uint256 hash)
    {
        TypedData.writeLeg(entry.fixture().name(), entry.market(), state.legBuffer);
        hash = uint256(TypedData.legHash(entry.market(), outcome, state.legBuffer));
        if (outcome < 3) entry.setLegHash(outcome, hash);
    }

    /// @return skip Why the slip is left out, or NONE.
    /// @return account The account with the nonce used.
    function _checkAccount(PlacingState memory state, uint256 head, uint256 stake)
        private
        view
        returns (uint256 skip, Account account)
    {
        uint256 number = Records.account(head);
        uint256 nonce = Records.nonce(head);
        account = ledger_.accounts[number];
        if (account.owner() == address(0)) return (ACCOUNT_UNKNOWN, account);
        if (account.isRestricted()) {
            Restriction memory held = ledger_.restrictions[number];
            uint256 acceptedAt = state.base + Records.acceptedAfter(head);
            if (Restrictions.isExcluded(held, acceptedAt)) return (EXCLUDED, account);
            if (Restrictions.isCancelled(held, nonce, acceptedAt)) {
                return (NONCE_CANCELLED, account);
            }
            account = Restrictions.lift(account, held, RECEIPT_WINDOW);
        }
        // The nonce of a bet that the slip replaces is used already.
        if (state.replaced != Records.slipId(head)) {
            if (account.isUsed(nonce)) return (NONCE_USED, account);
            if (account.isTooFar(nonce)) return (NONCE_TOO_FAR, account);
            account = account.useNonce(nonce);
        }
        if (account.balance() < stake) return (BALANCE_INSUFFICIENT, account);
    }

    function _isSigned(
        PlacingState memory state,
        Account account,
        uint256 head,
        uint256 tail,
        uint256 tailAt,
        uint256 legs
    ) private view returns (bool) {
        unchecked {
            uint256 hashes = state.legHashes;
            bytes32 legsHash;
            assembly ("memory-safe") {
                legsHash := keccak256(hashes, shl(5, legs))
            }
            state.legsHash = legsHash;
            if (state.bettor != address(0)) return state.bettor == account.owner();
            bytes32 slipHash =
                TypedData.slipHash(head, tail >> 216, state.base + uint16(tail >> 200), legsHash);
            return Signatures.isValid(
                account.owner(), state.digestOf(slipHash), tailAt + TAIL_SIZE, uint16(tail >> 184)
            );
        }
    }

    // -- Writing

    /// @dev Writes the event's markets, with their number before them: m 1 | base time 5 | m x
    /// market id without its last 6 bytes 26.
    /// @param out Memory address of the base time.
    /// @return Memory address after the markets.
    function _writeEventMarkets(PlacingState memory state, uint256 out)
        private
        pure
        returns (uint256)
    {
        unchecked {
            (uint256 base, uint256 count) = (state.base, state.marketCount);
            assembly ("memory-safe") {
                // [out-0x01,out)
                mstore8(sub(out, 1), count)
                // [out,out+0x05); zeros after
                mstore(out, shl(216, base))
            }
            out += 5;
            PlacingMarket entry = PlacingMarket.wrap(state.markets);
            for (uint256 i; i < state.marketCount; ++i) {
                uint256 market = entry.market();
                assembly ("memory-safe") {
                    // [out,out+0x1a); zeros after
                    mstore(out, market)
                }
                out += Markets.PACKED_SIZE;
                entry = entry.next();
            }
            return out;
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
                    state.stakes += (exposure >> 192) - (before >> 192);
                }
                entry = entry.next();
            }
            for (uint256 i; i < state.fixtureCount; ++i) {
                FixtureEntry fixture = FixtureEntries.at(state.fixtures, i);
                (Fixture before, uint256 locked) = (fixture.stored(), fixture.locked());
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
            book.accumulators = Money.fit(state.accumulators);
            ledger_.book = book;
            if (placed != 0) {
                ledger_.batches[id] = Batches.commit(whole, RangeProof.root(leaves, placed), placed);
            }
        }
    }

    /// @dev In assembly: `emit` would copy the event's data once more.
    /// @param data Memory address of the event, whose markets and records are written already.
    /// @param out Memory address after the records.
    /// @param skips Memory address of the skipped slips.
    function _emitBatchPlaced(
        uint256 id,
        uint256 data,
        uint256 out,
        uint256 placed,
        uint256 skips,
        uint256 skipsSize
    ) private {
        bytes32 topic = ISportsbook.BatchPlaced.selector;
        assembly ("memory-safe") {
            // [data+0x40,data+0x42)
            mstore8(add(data, EVENT_HEAD_SIZE), shr(8, placed))
            mstore8(add(data, add(EVENT_HEAD_SIZE, 1)), placed)
            // [out,end), rounded up to whole words
            let end := add(out, skipsSize)
            for {} lt(out, end) { out := add(out, 32) } {
                mstore(out, mload(skips))
                skips := add(skips, 32)
            }
            // [end,end+0x20): zeros, some of which pad the data to whole words
            mstore(end, 0)
            let size := sub(end, add(data, EVENT_HEAD_SIZE))
            // [data,data+0x40)
            mstore(data, 32)
            mstore(add(data, 32), size)
            log2(data, add(EVENT_HEAD_SIZE, and(add(size, 31), not(31))), topic, id)
        }
    }

    /// @dev Reserves memory. It may be dirty: the caller writes before it reads.
    function _reserve(uint256 size) private pure returns (uint256 to) {
        assembly ("memory-safe") {
            to := mload(0x40)
            mstore(0x40, and(add(add(to, size), 31), not(31)))
        }
    }
}
