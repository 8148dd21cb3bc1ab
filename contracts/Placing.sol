// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Account, Accounts} from "./libraries/Accounts.sol";
import {Fixture, Fixtures} from "./libraries/Fixtures.sol";
import {Batches} from "./libraries/Batches.sol";
import {Desk, Desks} from "./libraries/Desk.sol";
import {Book, Exit, LedgerHolder} from "./libraries/Ledger.sol";
import {Line, Lines} from "./libraries/Lines.sol";
import {Markets} from "./libraries/Markets.sol";
import {Packed} from "./libraries/Packed.sol";
import {PlainSlips} from "./libraries/PlainSlips.sol";
import {RangeProof} from "./libraries/RangeProof.sol";
import {Row, Rows} from "./libraries/Rows.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Slots} from "./libraries/Slots.sol";
import {TypedData} from "./libraries/TypedData.sol";

/// @title Placing
/// @notice Takes a batch of slips into the ledger: checks each, takes its stake, raises what the
/// bankroll must hold, and stores one Merkle root for the lot.
abstract contract Placing is LedgerHolder {
    using Desks for Desk;

    uint256 private constant ODDS_ONE = 1e4;
    uint256 private constant MAX_BETS = 256;
    uint256 private constant MAX_LEGS = 12;
    uint256 private constant SKIP_SIZE = 8;
    /// @dev minOdds u40 | deadline u16 | signature length u16, behind the record.
    uint256 private constant TAIL_SIZE = 9;
    uint256 private constant FIXTURE_SIZE = 37;
    /// @dev Bytes of a market in the table, which names its fixture by number.
    uint256 private constant ENTRY_SIZE = 6;
    /// @dev Bytes of the event's counts of markets and bets.
    uint256 private constant COUNTS = 3;
    /// @dev Words before the event's bytes: where they begin, and how many.
    uint256 private constant EVENT_HEAD = 64;
    uint256 private constant EVER = type(uint256).max;

    // Reasons as numbers: the compiler checks an enum's range at every look.
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

    /// @notice Read the table at the start of a batch, and the state that its bets change.
    /// Fixtures and markets must ascend, so that none is listed twice and each has one running sum.
    function _open(bytes calldata batch, bytes32 separator, uint256 window)
        internal
        view
        returns (Desk memory desk)
    {
        unchecked {
            uint256 at = Packed.start(batch);
            uint256 head = Packed.word(at);
            desk.base = head >> 216;
            desk.fixtures = uint8(head >> 208);
            at += 6 + FIXTURE_SIZE * desk.fixtures;
            desk.markets = Packed.word(at) >> 248;
            desk.tableSize = at + 1 + ENTRY_SIZE * desk.markets - Packed.start(batch);
            if (desk.fixtures > desk.markets || batch.length < desk.tableSize) {
                revert ISportsbook.TableMalformed();
            }
            desk.scratch = _reserve(TypedData.LEG_SIZE);
            _readFixtures(desk, Packed.start(batch) + 6);
            _readMarkets(desk, at + 1);
            Book memory book = ledger_.book;
            desk.room = book.pool > book.openStakes ? book.pool - book.openStakes : 0;
            desk.locked = book.locked;
            desk.earliest = block.timestamp - window;
            desk.marketCap = EVER;
            desk.fixtureCap = EVER;
            desk.hashes = _reserve(32 * MAX_LEGS);
            desk.words = _reserve(32 * MAX_LEGS + 32);
            desk.form = Desks.newForm(separator, desk.base, ledger_.accounts);
        }
    }

    /// @notice Walk the slips once and write what they change.
    /// @return id Number of the batch.
    /// @return skip Why the last slip was left out, or None.
    function _place(Desk memory desk, bytes calldata batch)
        internal
        returns (uint256 id, ISportsbook.Skip)
    {
        unchecked {
            uint256 at = Packed.start(batch) + desk.tableSize;
            uint256 count = Packed.word(at) >> 240;
            if (count == 0 || count > MAX_BETS) revert ISportsbook.BatchTooLarge(count);
            at += 2;

            uint256 leaves = _reserve(32 * count);
            uint256 skips = _reserve(SKIP_SIZE * count + 32);
            uint256 skipAt = skips;
            // Last, and with room to spare: it grows by every slip.
            uint256 data = _reserve(
                EVENT_HEAD + COUNTS + Packed.MARKET_SIZE * desk.markets + batch.length + 64
            );
            desk.at = at;
            desk.leaf = leaves;
            uint256 markets = data + EVENT_HEAD + COUNTS;
            desk.out = _writeMarkets(desk, markets);
            desk.left = count;
            uint256 skip;
            bool signed = desk.bettor == address(0);
            if (signed) PlainSlips.place(desk);
            while (desk.left != 0) {
                uint256 head = Packed.word(desk.at);
                uint256 next;
                (skip, next) = _slip(desk, desk.at, head, Packed.legCount(head));
                if (skip == NONE) {
                    _keep(desk, head);
                } else {
                    assembly ("memory-safe") {
                        // account and nonce are the first 7 bytes of the record
                        mstore(skipAt, or(shl(200, shr(200, head)), shl(192, skip)))
                        skipAt := add(skipAt, SKIP_SIZE)
                    }
                }
                desk.at = next;
                --desk.left;
                if (signed) PlainSlips.place(desk);
            }
            at = desk.at;
            uint256 out = desk.out;
            uint256 placed = (desk.leaf - leaves) >> 5;
            if (at != Packed.start(batch) + batch.length) revert ISportsbook.BatchMalformed();

            // The number of markets stands before them and is hashed with them: without it, markets
            // could be read as records.
            bytes32 whole = Packed.wholeHash(markets - 1, out - markets + 1);
            id = _write(desk, whole, leaves, placed);
            _emit(id, data, out, placed, skips, SKIP_SIZE * (count - placed));
            return (id, ISportsbook.Skip(skip));
        }
    }

    /// @dev The bet's leaf, and its record in the event.
    function _keep(Desk memory desk, uint256 head) private pure {
        unchecked {
            uint256 legs = Packed.legCount(head);
            bytes32 hash = Packed.betHash(desk.words, head, legs, desk.base);
            (uint256 leaf, uint256 out, uint256 at) = (desk.leaf, desk.out, desk.at);
            uint256 size = Packed.RECORD_HEAD + Packed.LEG_SIZE * legs;
            assembly ("memory-safe") {
                mstore(leaf, hash)
                calldatacopy(out, at, size)
            }
            desk.leaf = leaf + 32;
            desk.out = out + size;
        }
    }

    // -- The table

    function _readFixtures(Desk memory desk, uint256 at) private view {
        unchecked {
            uint256 count = desk.fixtures;
            uint256 rows = Rows.reserve(count);
            desk.rows = rows;
            uint256 previous;
            for (uint256 i; i < count; ++i) {
                uint256 name = Packed.word(at);
                uint256 id = name >> 128;
                if (id <= previous) revert ISportsbook.TableMalformed();
                previous = id;
                uint256 slot = Slots.slotOf(ledger_.fixtures, id);
                Rows.at(rows, i)
                    .set(name, Packed.word(at + 32) >> 216, slot, Fixture.wrap(Slots.read(slot)));
                at += FIXTURE_SIZE;
            }
        }
    }

    function _readMarkets(Desk memory desk, uint256 at) private view {
        unchecked {
            uint256 count = desk.markets;
            Line line = Line.wrap(Lines.reserve(count));
            desk.lines = Line.unwrap(line);
            uint256 previous;
            for (uint256 i; i < count; ++i) {
                uint256 entry = Packed.word(at);
                if (entry >> 248 >= desk.fixtures) revert ISportsbook.TableMalformed();
                Row row = Rows.at(desk.rows, entry >> 248);
                // Widened before it is shifted: a uint40 would lose all of its bits.
                uint256 terms = uint40(entry >> 208);
                uint256 market =
                    ((row.name() >> 128) << 128) | (row.startsAt() << 88) | (terms << 48);
                if (market <= previous) revert ISportsbook.TableMalformed();
                previous = market;
                uint256 slot = Slots.slotOf(ledger_.exposures, market);
                uint256 exposure = Slots.read(slot);
                uint256 mode = Markets.mode(market);
                line.setMarket(market);
                line.setStored(slot, exposure);
                line.setMode(mode);
                line.setLocked(Markets.locked(mode, exposure));
                uint256 outcomes = Markets.outcomes(market);
                line.setTerms(Markets.inPlay(market) ? EVER : row.startsAt(), outcomes, row);
                if (outcomes != 0 && !Markets.isCounted(market)) _learn(line, desk.scratch);
                line = line.next();
                at += ENTRY_SIZE;
            }
        }
    }

    // -- A slip

    /// @dev Works out the hash of a leg on each outcome, and that of the legs of a slip of it alone, of
    /// a market whose outcomes are two or three with names of their own.
    function _learn(Line line, uint256 scratch) private pure {
        TypedData.writeLeg(line.row().name(), line.market(), scratch);
        (bytes32 first, bytes32 second, bytes32 third) =
            TypedData.legHashes(line.market(), scratch);
        _knowPlain(line, 0, first);
        _knowPlain(line, 1, second);
        if (third != 0) _knowPlain(line, 2, third);
    }

    function _knowPlain(Line line, uint256 outcome, bytes32 legHash) private pure {
        uint256 legsHash;
        assembly ("memory-safe") {
            mstore(0, legHash)
            legsHash := keccak256(0, 32)
        }
        line.setKnown(outcome, uint256(legHash));
        line.setPlain(outcome, legsHash);
    }

    /// @dev Check, then Effect on the account and on the running sums. Leaves the bet's leg words at
    /// `desk.words`.
    function _slip(Desk memory desk, uint256 at, uint256 head, uint256 legs)
        private
        returns (uint256 skip, uint256 next)
    {
        unchecked {
            uint256 tailAt = at + Packed.RECORD_HEAD + Packed.LEG_SIZE * legs;
            uint256 tail = Packed.word(tailAt);
            next = tailAt + TAIL_SIZE;
            if (desk.bettor == address(0)) {
                uint256 length = uint16(tail >> 184);
                next += length == 0 ? 64 : length;
            }
            uint256 stake = Packed.stake(head);
            uint256 payout;
            (skip, payout) = _checkTerms(desk, at, head, tail, legs, stake);
            if (skip != NONE) return (skip, next);

            Account account = ledger_.accounts[Packed.account(head)];
            skip = _checkAccount(desk, account, head, stake);
            if (skip != NONE) return (skip, next);

            if (legs != 1) {
                uint256 risk = payout - stake;
                if (desk.locked + risk > desk.room) return (EXPOSURE_EXCEEDED, next);
                if (risk > desk.marketCap) return (CAP_EXCEEDED, next);
                if (!_isSigned(desk, account, head, tail, tailAt, legs)) {
                    return (SIGNATURE_INVALID, next);
                }
                desk.locked += risk;
                desk.stakes += stake;
            } else {
                uint256 entry = Packed.word(at + Packed.RECORD_HEAD);
                Line line = Lines.at(desk.lines, entry >> 248);
                uint256 exposure =
                    line.exposure() + Markets.exposureOf(uint8(entry >> 240), payout, stake);
                uint256 before = line.locked();
                uint256 after_ = Markets.locked(line.mode(), exposure);
                uint256 locked = desk.locked + after_ - before;
                if (locked > desk.room) return (EXPOSURE_EXCEEDED, next);
                Row row = line.row();
                uint256 ofFixture = Fixtures.changed(row.locked(), before, after_);
                if (after_ > desk.marketCap || ofFixture > desk.fixtureCap) {
                    return (CAP_EXCEEDED, next);
                }
                if (!_isSigned(desk, account, head, tail, tailAt, 1)) {
                    return (SIGNATURE_INVALID, next);
                }
                line.setExposure(exposure);
                line.setLocked(after_);
                row.setLocked(ofFixture);
                desk.locked = locked;
            }
            ledger_.accounts[Packed.account(head)] =
                account.useNonce(Packed.nonce(head)).debit(stake);
        }
    }

    /// @dev Times, stake, legs and odds. Writes the leg words, and the leg hashes for the signature.
    /// @return skip Why not, or NONE.
    /// @return payout When every leg wins.
    function _checkTerms(
        Desk memory desk,
        uint256 at,
        uint256 head,
        uint256 tail,
        uint256 legs,
        uint256 stake
    ) private view returns (uint256 skip, uint256 payout) {
        unchecked {
            uint256 acceptedAt = desk.base + Packed.acceptedAfter(head);
            if (acceptedAt > block.timestamp || acceptedAt < desk.earliest) {
                return (ACCEPTANCE_OUTSIDE_WINDOW, 0);
            }
            if (Packed.acceptedAfter(head) > uint16(tail >> 200)) return (SLIP_EXPIRED, 0);
            if (stake - 1 >= Accounts.MAX_BALANCE) return (STAKE_INVALID, 0);
            if (legs - 1 >= MAX_LEGS) return (LEGS_INVALID, 0);

            uint256 product = 1;
            uint256 one = 1;
            uint256 hashAt = desk.hashes;
            uint256 wordAt = desk.words;
            at += Packed.RECORD_HEAD;
            for (uint256 end = at + Packed.LEG_SIZE * legs; at < end; at += Packed.LEG_SIZE) {
                uint256 entry = Packed.word(at);
                if (entry >> 248 >= desk.markets) return (MARKET_UNKNOWN, 0);
                Line line = Lines.at(desk.lines, entry >> 248);
                uint256 outcome = uint8(entry >> 240);
                if (outcome >= line.outcomes()) return (MARKET_UNKNOWN, 0);
                if (acceptedAt >= line.closesAt()) return (MARKET_CLOSED, 0);
                uint256 odds = uint32(entry >> 208);
                if (odds <= ODDS_ONE) return (ODDS_INVALID, 0);
                // Bounded by MAX_BALANCE x 1e4^12 x 2^32 < 2^256, since larger payouts end here.
                product *= odds;
                one *= ODDS_ONE;
                payout = stake * product / one;
                if (payout > Accounts.MAX_BALANCE) return (PAYOUT_TOO_LARGE, 0);

                uint256 hash = outcome < 3 ? line.known(outcome) : 0;
                if (hash == 0) hash = _legHash(desk, line, outcome);
                uint256 word = Packed.betLeg(line.market(), entry);
                assembly ("memory-safe") {
                    mstore(hashAt, hash)
                    mstore(wordAt, word)
                }
                hashAt += 32;
                wordAt += 32;
            }
            if (product * ODDS_ONE < (tail >> 216) * one) return (ODDS_BELOW_MINIMUM, 0);
        }
    }

    function _legHash(Desk memory desk, Line line, uint256 outcome)
        private
        pure
        returns (uint256 hash)
    {
        TypedData.writeLeg(line.row().name(), line.market(), desk.scratch);
        hash = uint256(TypedData.legHash(line.market(), outcome, desk.scratch));
        if (outcome < 3) line.setKnown(outcome, hash);
    }

    function _checkAccount(Desk memory desk, Account account, uint256 head, uint256 stake)
        private
        view
        returns (uint256 skip)
    {
        if (account.owner() == address(0)) return ACCOUNT_UNKNOWN;
        if (!account.isUsable(Packed.nonce(head))) return NONCE_USED;
        if (account.balance() < stake) return BALANCE_INSUFFICIENT;
        if (account.isExcluded()) {
            // A bet that was accepted before the exclusion stands: to exclude oneself must not be a
            // way out of it.
            Exit memory exit = ledger_.exits[Packed.account(head)];
            uint256 acceptedAt = desk.base + Packed.acceptedAfter(head);
            if (acceptedAt >= exit.excludedFrom && acceptedAt < exit.excludedUntil) {
                return EXCLUDED;
            }
        }
    }

    function _isSigned(
        Desk memory desk,
        Account account,
        uint256 head,
        uint256 tail,
        uint256 tailAt,
        uint256 legs
    ) private view returns (bool) {
        unchecked {
            uint256 hashes = desk.hashes;
            bytes32 legsHash;
            assembly ("memory-safe") {
                legsHash := keccak256(hashes, shl(5, legs))
            }
            desk.legsHash = legsHash;
            if (desk.bettor != address(0)) return desk.bettor == account.owner();
            bytes32 slipHash =
                TypedData.slipHash(head, tail >> 216, desk.base + uint16(tail >> 200), legsHash);
            return Signatures.isValid(
                account.owner(), desk.digestOf(slipHash), tailAt + TAIL_SIZE, uint16(tail >> 184)
            );
        }
    }

    // -- Writing

    /// @dev The event's markets: what the records' times count from, then the ids.
    function _writeMarkets(Desk memory desk, uint256 out) private pure returns (uint256) {
        unchecked {
            (uint256 base, uint256 count) = (desk.base, desk.markets);
            assembly ("memory-safe") {
                mstore8(sub(out, 1), count)
                mstore(out, shl(216, base))
            }
            out += 5;
            Line line = Line.wrap(desk.lines);
            for (uint256 i; i < desk.markets; ++i) {
                uint256 market = line.market();
                assembly ("memory-safe") {
                    mstore(out, market)
                }
                out += Packed.MARKET_SIZE;
                line = line.next();
            }
            return out;
        }
    }

    function _write(Desk memory desk, bytes32 whole, uint256 leaves, uint256 placed)
        private
        returns (uint256 id)
    {
        unchecked {
            Line line = Line.wrap(desk.lines);
            for (uint256 i; i < desk.markets; ++i) {
                (uint256 before, uint256 exposure) = (line.stored(), line.exposure());
                if (before != exposure) {
                    Slots.write(line.slot(), exposure);
                    desk.stakes += (exposure >> 192) - (before >> 192);
                }
                line = line.next();
            }
            for (uint256 i; i < desk.fixtures; ++i) {
                Row row = Rows.at(desk.rows, i);
                (Fixture before, uint256 locked) = (row.stored(), row.locked());
                if (before.locked() != locked) {
                    Slots.write(row.slot(), Fixture.unwrap(before.setLocked(locked)));
                }
            }
            Book memory book = ledger_.book;
            id = ++book.batchCount;
            book.pool += uint64(desk.stakes);
            book.openStakes += uint64(desk.stakes);
            book.locked = uint64(desk.locked);
            ledger_.book = book;
            if (placed != 0) {
                ledger_.batches[id] = Batches.commit(whole, RangeProof.root(leaves, placed), placed);
            }
        }
    }

    /// @dev By hand: an event's bytes would be copied once more.
    function _emit(
        uint256 id,
        uint256 data,
        uint256 out,
        uint256 placed,
        uint256 skips,
        uint256 skipsSize
    ) private {
        bytes32 topic = ISportsbook.BatchPlaced.selector;
        assembly ("memory-safe") {
            mstore8(add(data, EVENT_HEAD), shr(8, placed))
            mstore8(add(data, add(EVENT_HEAD, 1)), placed)
            let end := add(out, skipsSize)
            for {} lt(out, end) { out := add(out, 32) } {
                mstore(out, mload(skips))
                skips := add(skips, 32)
            }
            // Padding is zero.
            mstore(end, 0)
            let size := sub(end, add(data, EVENT_HEAD))
            mstore(data, 32)
            mstore(add(data, 32), size)
            log2(data, add(EVENT_HEAD, and(add(size, 31), not(31))), topic, id)
        }
    }

    /// @dev Memory that stays where it is; the caller writes before it reads.
    function _reserve(uint256 size) private pure returns (uint256 to) {
        assembly ("memory-safe") {
            to := mload(0x40)
            mstore(0x40, and(add(add(to, size), 31), not(31)))
        }
    }
}
