// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../interfaces/ISportsbook.sol";
import {Account, Accounts} from "./Accounts.sol";
import {Fixture} from "./Fixtures.sol";
import {Book, Exit, Ledger} from "./Ledger.sol";
import {Line, Lines, Row, Rows} from "./Lines.sol";
import {Markets} from "./Markets.sol";
import {Packed} from "./Packed.sol";
import {RangeProof} from "./RangeProof.sol";
import {Signatures} from "./Signatures.sol";
import {TypedData} from "./TypedData.sol";

/// @title Placing
/// @notice Takes a batch of slips into the ledger: checks each, takes its stake, raises what the
/// bankroll must hold, and stores one Merkle root for the lot.
library Placing {
    using Accounts for Account;

    /// @notice A batch on its way into the ledger. Times are unix seconds.
    struct Desk {
        /// What the records' times count from.
        uint256 base;
        uint256 earliest;
        bytes32 separator;
        /// Who places a bet without a signature, being its owner; zero when signatures count.
        address bettor;
        uint256 marketCap;
        uint256 fixtureCap;
        uint256 lines;
        uint256 markets;
        uint256 rows;
        uint256 fixtures;
        uint256 tableSize;
        uint256 room;
        uint256 locked;
        uint256 stakes;
        /// Space for the leg hashes and for the leg words of one slip.
        uint256 hashes;
        uint256 words;
        /// Of the last slip, for what the house signs of it.
        bytes32 slipHash;
        bytes32 legsHash;
    }

    uint256 private constant ODDS_ONE = 1e4;
    uint256 private constant MAX_BETS = 256;
    uint256 private constant MAX_LEGS = 12;
    uint256 private constant SKIP_SIZE = 8;
    uint256 private constant FIXTURE_SIZE = 37;
    uint256 private constant MARKET_SIZE = 6;
    uint256 private constant EVER = type(uint256).max;

    /// @notice Read the table at the start of a batch, and the state that its bets change.
    /// Fixtures and markets must ascend, so that none is listed twice and each has one running sum.
    function open(Ledger storage ledger, bytes calldata batch, bytes32 separator, uint256 window)
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
            desk.tableSize = at + 1 + MARKET_SIZE * desk.markets - Packed.start(batch);
            if (desk.fixtures > desk.markets || batch.length < desk.tableSize) {
                revert ISportsbook.TableMalformed();
            }
            _readFixtures(ledger, desk, Packed.start(batch) + 6);
            _readMarkets(ledger, desk, at + 1);
            Book memory book = ledger.book;
            desk.room = book.pool > book.openStakes ? book.pool - book.openStakes : 0;
            desk.locked = book.locked;
            desk.earliest = block.timestamp - window;
            desk.separator = separator;
            desk.marketCap = EVER;
            desk.fixtureCap = EVER;
            desk.hashes = _reserve(32 * MAX_LEGS);
            desk.words = _reserve(32 * MAX_LEGS + 32);
        }
    }

    /// @notice Walk the slips once and write what they change.
    /// @return id Number of the batch.
    /// @return skip Why the last slip was left out, or None.
    function place(Ledger storage ledger, Desk memory desk, bytes calldata batch)
        internal
        returns (uint256 id, ISportsbook.Skip skip)
    {
        unchecked {
            uint256 at = Packed.start(batch) + desk.tableSize;
            uint256 count = Packed.word(at) >> 240;
            if (count == 0 || count > MAX_BETS) revert ISportsbook.BatchTooLarge(count);
            at += 2;

            uint256 leaves = _reserve(32 * count);
            uint256 skips = _reserve(SKIP_SIZE * count + 32);
            // Last, and with room to spare: it grows by every slip.
            uint256 data = _reserve(batch.length + 96);
            uint256 out = _openEvent(desk, batch, data + 32);
            uint256 placed;
            for (uint256 i; i < count; ++i) {
                uint256 head = Packed.word(at);
                uint256 size = Packed.recordSize(head);
                uint256 next;
                (skip, next) = _slip(ledger, desk, at, head, size);
                if (skip == ISportsbook.Skip.None) {
                    bytes32 leaf =
                        Packed.betHash(desk.words, head, desk.base + Packed.acceptedAfter(head));
                    assembly ("memory-safe") {
                        mstore(add(leaves, shl(5, placed)), leaf)
                        calldatacopy(out, at, size)
                        out := add(out, size)
                    }
                    ++placed;
                } else {
                    // account and nonce are the first 7 bytes of the record
                    uint256 entry = ((head >> 200) << 200) | (uint256(skip) << 192);
                    assembly ("memory-safe") {
                        mstore(add(skips, mul(sub(i, placed), SKIP_SIZE)), entry)
                    }
                }
                at = next;
            }
            if (at != Packed.start(batch) + batch.length) revert ISportsbook.BatchMalformed();

            id = _write(ledger, desk, leaves, placed);
            uint256 tableSize = desk.tableSize;
            assembly ("memory-safe") {
                let table := add(add(data, 32), tableSize)
                mstore8(table, shr(8, placed))
                mstore8(add(table, 1), placed)
                let skipped := sub(count, placed)
                mstore(out, shl(240, skipped))
                out := add(out, 2)
                mcopy_(out, skips, mul(skipped, SKIP_SIZE))
                out := add(out, mul(skipped, SKIP_SIZE))
                mstore(data, sub(out, add(data, 32)))

                function mcopy_(to, from, size) {
                    for { let i := 0 } lt(i, size) { i := add(i, 32) } {
                        mstore(add(to, i), mload(add(from, i)))
                    }
                }
            }
            _emit(id, data);
        }
    }

    // -- The table

    function _readFixtures(Ledger storage ledger, Desk memory desk, uint256 at) private view {
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
                Rows.at(rows, i).set(name, Packed.word(at + 32) >> 216, ledger.fixtures[id]);
                at += FIXTURE_SIZE;
            }
        }
    }

    function _readMarkets(Ledger storage ledger, Desk memory desk, uint256 at) private view {
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
                uint256 exposure = ledger.exposures[market];
                uint256 mode = Markets.mode(market);
                line.setMarket(market);
                line.setExposure(exposure);
                line.setMode(mode);
                line.setLocked(Markets.locked(mode, exposure));
                line.setTerms(
                    Markets.inPlay(market) ? EVER : row.startsAt(), Markets.outcomes(market), row
                );
                line = line.next();
                at += MARKET_SIZE;
            }
        }
    }

    // -- A slip

    /// @dev Check, then Effect on the account and on the running sums. Leaves the bet's leg words at
    /// `desk.words`.
    function _slip(
        Ledger storage ledger,
        Desk memory desk,
        uint256 at,
        uint256 head,
        uint256 size
    ) private returns (ISportsbook.Skip skip, uint256 next) {
        unchecked {
            uint256 tail = Packed.word(at + size);
            uint256 signatureLength = uint16(tail >> 184);
            next = at + size + 9 + (signatureLength == 0 ? 64 : signatureLength);
            if (desk.bettor != address(0)) next = at + size + 9;

            uint256 payout;
            (skip, payout) = _readTerms(desk, at, head, tail);
            if (skip != ISportsbook.Skip.None) return (skip, next);

            Account account = ledger.accounts[Packed.account(head)];
            skip = _checkAccount(ledger, desk, account, head);
            if (skip != ISportsbook.Skip.None) return (skip, next);

            uint256 stake = Packed.stake(head);
            uint256 risk = payout - stake;
            if (Packed.legCount(head) == 1) {
                Line line = Lines.at(desk.lines, Packed.word(at + Packed.RECORD_HEAD) >> 248);
                uint256 outcome = uint8(Packed.word(at + Packed.RECORD_HEAD) >> 240);
                uint256 exposure = line.exposure() + Markets.exposureOf(outcome, payout, stake);
                uint256 locked = Markets.locked(line.mode(), exposure);
                // Wraps when the bet frees money: the sum that it is added to is never smaller.
                risk = locked - line.locked();
                Row row = line.row();
                uint256 ofFixture = row.word().relocked(line.locked(), locked);
                skip = _checkRoom(desk, risk, locked, ofFixture);
                if (skip != ISportsbook.Skip.None) return (skip, next);
                if (!_isSigned(desk, account, head, at, size, tail)) {
                    return (ISportsbook.Skip.SignatureInvalid, next);
                }
                line.setExposure(exposure);
                line.setLocked(locked);
                row.setWord(row.word().setLocked(ofFixture));
            } else {
                skip = _checkRoom(desk, risk, risk, 0);
                if (skip != ISportsbook.Skip.None) return (skip, next);
                if (!_isSigned(desk, account, head, at, size, tail)) {
                    return (ISportsbook.Skip.SignatureInvalid, next);
                }
            }
            ledger.accounts[Packed.account(head)] =
                account.useNonce(Packed.nonce(head)).debit(stake);
            desk.locked += risk;
            desk.stakes += stake;
        }
    }

    /// @dev Times, stake, legs and odds. Writes the leg words, and the leg hashes for the signature.
    /// @return payout When every leg wins.
    function _readTerms(Desk memory desk, uint256 at, uint256 head, uint256 tail)
        private
        view
        returns (ISportsbook.Skip, uint256 payout)
    {
        unchecked {
            uint256 acceptedAt = desk.base + Packed.acceptedAfter(head);
            if (acceptedAt > block.timestamp || acceptedAt < desk.earliest) {
                return (ISportsbook.Skip.AcceptanceOutsideWindow, 0);
            }
            if (Packed.acceptedAfter(head) > uint16(tail >> 200)) {
                return (ISportsbook.Skip.SlipExpired, 0);
            }
            uint256 stake = Packed.stake(head);
            if (stake == 0 || stake > Accounts.MAX_BALANCE) {
                return (ISportsbook.Skip.StakeInvalid, 0);
            }
            uint256 legs = Packed.legCount(head);
            if (legs == 0 || legs > MAX_LEGS) return (ISportsbook.Skip.LegsInvalid, 0);

            uint256 product = 1;
            uint256 one = 1;
            for (uint256 i; i < legs; ++i) {
                (uint256 index, uint256 outcome, uint256 odds) = Packed.leg(at, i);
                if (index >= desk.markets) return (ISportsbook.Skip.MarketUnknown, 0);
                Line line = Lines.at(desk.lines, index);
                if (outcome >= line.outcomes()) return (ISportsbook.Skip.MarketUnknown, 0);
                if (acceptedAt >= line.closesAt()) return (ISportsbook.Skip.MarketClosed, 0);
                if (odds <= ODDS_ONE) return (ISportsbook.Skip.OddsInvalid, 0);
                // Bounded by MAX_BALANCE x 1e4^12 x 2^32 < 2^256, since larger payouts end here.
                product *= odds;
                one *= ODDS_ONE;
                payout = stake * product / one;
                if (payout > Accounts.MAX_BALANCE) return (ISportsbook.Skip.PayoutTooLarge, 0);
                _writeLeg(desk, line, i, outcome, odds);
            }
            if (product * ODDS_ONE < (tail >> 216) * one) {
                return (ISportsbook.Skip.OddsBelowMinimum, 0);
            }
        }
    }

    function _writeLeg(Desk memory desk, Line line, uint256 i, uint256 outcome, uint256 odds)
        private
        pure
    {
        uint256 hash = outcome < 3 ? line.known(outcome) : 0;
        if (hash == 0) {
            hash = uint256(TypedData.legHash(line.row().name(), line.market(), outcome));
            if (outcome < 3) line.setKnown(outcome, hash);
        }
        uint256 word = Packed.betLeg(line.market(), outcome, odds);
        uint256 hashes = desk.hashes;
        uint256 words = desk.words;
        assembly ("memory-safe") {
            mstore(add(hashes, shl(5, i)), hash)
            mstore(add(words, shl(5, i)), word)
        }
    }

    function _checkAccount(
        Ledger storage ledger,
        Desk memory desk,
        Account account,
        uint256 head
    ) private view returns (ISportsbook.Skip) {
        if (account.owner() == address(0)) return ISportsbook.Skip.AccountUnknown;
        if (!account.isUsable(Packed.nonce(head))) return ISportsbook.Skip.NonceUsed;
        if (account.balance() < Packed.stake(head)) return ISportsbook.Skip.BalanceInsufficient;
        if (account.isExcluded()) {
            // A bet that was accepted before the exclusion stands: to exclude oneself must not be a
            // way out of it.
            Exit memory exit = ledger.exits[Packed.account(head)];
            uint256 acceptedAt = desk.base + Packed.acceptedAfter(head);
            if (acceptedAt >= exit.excludedFrom && acceptedAt < exit.excludedUntil) {
                return ISportsbook.Skip.Excluded;
            }
        }
        return ISportsbook.Skip.None;
    }

    function _checkRoom(Desk memory desk, uint256 risk, uint256 ofMarket, uint256 ofFixture)
        private
        pure
        returns (ISportsbook.Skip)
    {
        unchecked {
            if (desk.locked + risk > desk.room) return ISportsbook.Skip.ExposureExceeded;
            if (ofMarket > desk.marketCap || ofFixture > desk.fixtureCap) {
                return ISportsbook.Skip.CapExceeded;
            }
            return ISportsbook.Skip.None;
        }
    }

    function _isSigned(
        Desk memory desk,
        Account account,
        uint256 head,
        uint256 at,
        uint256 size,
        uint256 tail
    ) private view returns (bool) {
        uint256 hashes = desk.hashes;
        uint256 legs = Packed.legCount(head);
        bytes32 legsHash;
        assembly ("memory-safe") {
            legsHash := keccak256(hashes, shl(5, legs))
        }
        desk.legsHash = legsHash;
        if (desk.bettor != address(0)) return desk.bettor == account.owner();
        unchecked {
            bytes32 slipHash =
                TypedData.slipHash(head, tail >> 216, desk.base + uint16(tail >> 200), legsHash);
            desk.slipHash = slipHash;
            return Signatures.isValid(
                account.owner(),
                Signatures.digest(desk.separator, slipHash),
                at + size + 9,
                uint16(tail >> 184)
            );
        }
    }

    // -- Writing

    function _openEvent(Desk memory desk, bytes calldata batch, uint256 out)
        private
        pure
        returns (uint256)
    {
        uint256 tableSize = desk.tableSize;
        uint256 base = desk.base;
        assembly ("memory-safe") {
            calldatacopy(out, batch.offset, tableSize)
            // A quoted bet counts from the block's time, whatever its table says.
            let head := mload(out)
            mstore(out, or(shl(216, base), shr(40, shl(40, head))))
            out := add(add(out, tableSize), 2)
        }
        return out;
    }

    function _write(Ledger storage ledger, Desk memory desk, uint256 leaves, uint256 placed)
        private
        returns (uint256 id)
    {
        unchecked {
            Line line = Line.wrap(desk.lines);
            for (uint256 i; i < desk.markets; ++i) {
                // The slot is warm: comparing is cheaper than writing what did not change.
                uint256 market = line.market();
                if (ledger.exposures[market] != line.exposure()) {
                    ledger.exposures[market] = line.exposure();
                }
                line = line.next();
            }
            for (uint256 i; i < desk.fixtures; ++i) {
                Row row = Rows.at(desk.rows, i);
                if (Fixture.unwrap(row.word()) != Fixture.unwrap(row.before())) {
                    ledger.fixtures[row.name() >> 128] = row.word();
                }
            }
            Book memory book = ledger.book;
            id = ++book.batchCount;
            book.pool += uint64(desk.stakes);
            book.openStakes += uint64(desk.stakes);
            book.locked = uint64(desk.locked);
            ledger.book = book;
            if (placed != 0) {
                ledger.batches[id] = commitment(RangeProof.root(leaves, placed), placed);
            }
        }
    }

    /// @notice What is stored of a batch: the root, whose last byte gives way to the number of bets
    /// less one.
    function commitment(bytes32 root, uint256 bets) internal pure returns (bytes32) {
        unchecked {
            return bytes32(((uint256(root) >> 8) << 8) | (bets - 1));
        }
    }

    function _emit(uint256 id, uint256 at) private {
        bytes memory data;
        assembly ("memory-safe") {
            data := at
        }
        emit ISportsbook.BatchPlaced(id, data);
    }

    /// @dev Memory that stays where it is; the caller writes before it reads.
    function _reserve(uint256 size) private pure returns (uint256 to) {
        assembly ("memory-safe") {
            to := mload(0x40)
            mstore(0x40, and(add(add(to, size), 31), not(31)))
        }
    }
}
