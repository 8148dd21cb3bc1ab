// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../interfaces/ISportsbook.sol";
import {Account, Accounts} from "./Accounts.sol";
import {Fixture, Fixtures} from "./Fixtures.sol";
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
        /// Where the walk is: in the call data, among the leaves, in the event; and slips to come.
        uint256 at;
        uint256 leaf;
        uint256 out;
        uint256 left;
    }

    uint256 private constant ODDS_ONE = 1e4;
    uint256 private constant MAX_BETS = 256;
    uint256 private constant MAX_LEGS = 12;
    uint256 private constant SKIP_SIZE = 8;
    /// @dev minOdds u40 | deadline u16 | signature length u16, behind the record.
    uint256 private constant TAIL_SIZE = 9;
    uint256 private constant FIXTURE_SIZE = 37;
    uint256 private constant MARKET_SIZE = 6;
    uint256 private constant EVER = type(uint256).max;

    /// @dev Bytes of a slip of one leg that its owner's key signed.
    uint256 private constant PLAIN_SIZE = 97;

    // Places in memory, for what is written by hand: of the fields of a Desk, of a line, of a row.
    uint256 private constant DESK_EARLIEST = 0x20;
    uint256 private constant DESK_SEPARATOR = 0x40;
    uint256 private constant DESK_BETTOR = 0x60;
    uint256 private constant DESK_MARKET_CAP = 0x80;
    uint256 private constant DESK_FIXTURE_CAP = 0xa0;
    uint256 private constant DESK_LINES = 0xc0;
    uint256 private constant DESK_MARKETS = 0xe0;
    uint256 private constant DESK_ROOM = 0x160;
    uint256 private constant DESK_LOCKED = 0x180;
    uint256 private constant DESK_STAKES = 0x1a0;
    uint256 private constant DESK_WORDS = 0x1e0;
    uint256 private constant DESK_SLIP_HASH = 0x200;
    uint256 private constant DESK_AT = 0x240;
    uint256 private constant DESK_LEAF = 0x260;
    uint256 private constant DESK_OUT = 0x280;
    uint256 private constant DESK_LEFT = 0x2a0;
    uint256 private constant LINE_SIZE = 0x140;
    uint256 private constant LINE_EXPOSURE = 0x20;
    uint256 private constant LINE_LOCKED = 0x40;
    uint256 private constant LINE_MODE = 0x60;
    uint256 private constant LINE_CLOSES_AT = 0x80;
    uint256 private constant LINE_ROW = 0xc0;
    uint256 private constant LINE_KNOWN = 0xe0;
    uint256 private constant ROW_LOCKED = 0x40;
    uint256 private constant MAX_BALANCE = 0xffffffffffffff;
    uint256 private constant EXCLUDED_BIT = 0x8000000000000000;
    uint256 private constant HALF_ORDER =
        0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

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
            uint256 data = _reserve(batch.length + 96);
            desk.at = at;
            desk.leaf = leaves;
            desk.out = _openEvent(desk, batch, data + 32);
            desk.left = count;
            uint256 skip;
            while (true) {
                skip = NONE;
                _placePlain(ledger, desk);
                if (desk.left == 0) break;
                uint256 head = Packed.word(desk.at);
                uint256 next;
                (skip, next) = _slip(ledger, desk, desk.at, head, Packed.legCount(head));
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
                if (--desk.left == 0) break;
            }
            at = desk.at;
            uint256 out = desk.out;
            uint256 placed = (desk.leaf - leaves) >> 5;
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
                Rows.at(rows, i).set(
                    name, Packed.word(at + 32) >> 216, ledger.fixtures[id].locked()
                );
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
        uint256 legs
    ) private returns (uint256 skip, uint256 next) {
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

            Account account = ledger.accounts[Packed.account(head)];
            skip = _checkAccount(ledger, desk, account, head, stake);
            if (skip != NONE) return (skip, next);

            if (legs != 1) {
                uint256 risk = payout - stake;
                if (desk.locked + risk > desk.room) return (EXPOSURE_EXCEEDED, next);
                if (risk > desk.marketCap) return (CAP_EXCEEDED, next);
                if (!_isSigned(desk, account, head, tail, tailAt, legs)) {
                    return (SIGNATURE_INVALID, next);
                }
                desk.locked += risk;
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
            ledger.accounts[Packed.account(head)] =
                account.useNonce(Packed.nonce(head)).debit(stake);
            desk.stakes += stake;
        }
    }

    /// @dev `_slip` as far as slips follow each other that are what nearly every slip is: one leg on a
    /// netted market whose outcome was seen before in this batch, signed by the owner's key, with a
    /// nonce above all used ones. All checks of a kind are one; a slip that fails any changes nothing
    /// and goes the general way, which knows the reasons.
    function _placePlain(Ledger storage ledger, Desk memory desk) private {
        mapping(uint256 => Account) storage accounts = ledger.accounts;
        bytes32 slipType = TypedData.SLIP;
        assembly ("memory-safe") {
          for {} mload(add(desk, DESK_LEFT)) {} {
            let at := mload(add(desk, DESK_AT))
            let head := calldataload(at)
            let placed := 0
            let entry := calldataload(add(at, 18))
            let tail := calldataload(add(at, 24))
            let line := add(mload(add(desk, DESK_LINES)), mul(shr(248, entry), LINE_SIZE))
            let outcome := byte(1, entry)
            let legHash := mload(add(line, add(LINE_KNOWN, shl(5, outcome))))
            let odds := and(shr(208, entry), 0xffffffff)
            let stake := and(shr(136, head), 0xffffffffffffffff)
            let payout := div(mul(stake, odds), 10000)
            let acceptedAt := add(mload(desk), and(shr(120, head), 0xffff))

            let ok := lt(shr(248, entry), mload(add(desk, DESK_MARKETS)))
            ok := and(ok, eq(and(shr(112, head), 0xff), 1))
            ok := and(ok, lt(outcome, 3))
            ok := and(ok, iszero(mload(add(line, LINE_MODE))))
            ok := and(ok, lt(acceptedAt, mload(add(line, LINE_CLOSES_AT))))
            ok := and(ok, iszero(gt(acceptedAt, timestamp())))
            ok := and(ok, iszero(lt(acceptedAt, mload(add(desk, DESK_EARLIEST)))))
            ok := and(ok, iszero(gt(and(shr(120, head), 0xffff), and(shr(200, tail), 0xffff))))
            ok := and(ok, gt(odds, 10000))
            ok := and(ok, iszero(lt(odds, shr(216, tail))))
            ok := and(ok, iszero(and(shr(184, tail), 0xffff)))
            ok := and(ok, iszero(mload(add(desk, DESK_BETTOR))))
            ok := and(ok, lt(sub(stake, 1), MAX_BALANCE))
            ok := and(ok, iszero(gt(payout, MAX_BALANCE)))

            // Once the leg's hash is known, its outcome is one of the market's.
            if mul(ok, legHash) {
                mstore(0, shr(224, head))
                mstore(32, accounts.slot)
                let slot := keccak256(0, 64)
                let account := sload(slot)
                let nonce := and(shr(200, head), 0xffffff)
                let highest := and(shr(72, account), 0xffffff)
                ok := gt(nonce, highest)
                ok := and(ok, iszero(lt(and(account, MAX_BALANCE), stake)))
                ok := and(ok, iszero(and(account, EXCLUDED_BIT)))

                let exposure :=
                    add(
                        mload(add(line, LINE_EXPOSURE)),
                        or(shl(shl(6, outcome), payout), shl(192, stake))
                    )
                let owed := and(exposure, 0xffffffffffffffff)
                let other := and(shr(64, exposure), 0xffffffffffffffff)
                if gt(other, owed) { owed := other }
                other := and(shr(128, exposure), 0xffffffffffffffff)
                if gt(other, owed) { owed := other }
                let stakes := shr(192, exposure)
                let locks := mul(sub(owed, stakes), gt(owed, stakes))

                let before := mload(add(line, LINE_LOCKED))
                let locked := sub(add(mload(add(desk, DESK_LOCKED)), locks), before)
                ok := and(ok, iszero(gt(locked, mload(add(desk, DESK_ROOM)))))
                ok := and(ok, iszero(gt(locks, mload(add(desk, DESK_MARKET_CAP)))))
                let row := mload(add(line, LINE_ROW))
                let ofFixture := add(mload(add(row, ROW_LOCKED)), locks)
                ofFixture := mul(sub(ofFixture, before), gt(ofFixture, before))
                ok := and(ok, iszero(gt(ofFixture, mload(add(desk, DESK_FIXTURE_CAP)))))

                if ok {
                    let free := mload(0x40)
                    mstore(0, legHash)
                    mstore(free, slipType)
                    mstore(add(free, 32), shr(224, head))
                    mstore(add(free, 64), stake)
                    mstore(add(free, 96), shr(216, tail))
                    mstore(add(free, 128), nonce)
                    mstore(add(free, 160), add(mload(desk), and(shr(200, tail), 0xffff)))
                    mstore(add(free, 192), keccak256(0, 32))
                    let slipHash := keccak256(free, 224)
                    mstore(free, shl(240, 0x1901))
                    mstore(add(free, 2), mload(add(desk, DESK_SEPARATOR)))
                    mstore(add(free, 34), slipHash)
                    mstore(free, keccak256(free, 66))
                    let vs := calldataload(add(at, 65))
                    let s := and(vs, not(shl(255, 1)))
                    mstore(add(free, 32), add(shr(255, vs), 27))
                    mstore(add(free, 64), calldataload(add(at, 33)))
                    mstore(add(free, 96), s)
                    mstore(0, 0)
                    pop(staticcall(gas(), 1, free, 128, 0, 32))
                    let owner := shr(96, account)
                    if mul(and(eq(mload(0), owner), iszero(gt(s, HALF_ORDER))), owner) {
                        // The window moves up by as many nonces as the highest does.
                        let window := and(shr(64, account), 0xff)
                        let ahead := sub(nonce, highest)
                        window := and(shl(sub(ahead, 1), or(shl(1, window), 1)), 0xff)
                        if gt(ahead, 8) { window := 0 }
                        account := and(account, not(shl(64, 0xffffffff)))
                        account := or(account, or(shl(72, nonce), shl(64, window)))
                        sstore(slot, sub(account, stake))

                        mstore(add(line, LINE_EXPOSURE), exposure)
                        mstore(add(line, LINE_LOCKED), locks)
                        mstore(add(row, ROW_LOCKED), ofFixture)
                        mstore(add(desk, DESK_LOCKED), locked)
                        mstore(add(desk, DESK_STAKES), add(mload(add(desk, DESK_STAKES)), stake))
                        mstore(add(desk, DESK_SLIP_HASH), slipHash)
                        let words := mload(add(desk, DESK_WORDS))
                        mstore(words, or(mload(line), and(shr(208, entry), 0xffffffffff)))
                        mstore(
                            add(words, 32), or(shl(112, shr(112, head)), shl(72, mload(desk)))
                        )
                        let leaf := mload(add(desk, DESK_LEAF))
                        mstore(leaf, keccak256(words, 55))
                        mstore(add(desk, DESK_LEAF), add(leaf, 32))
                        let out := mload(add(desk, DESK_OUT))
                        calldatacopy(out, at, 24)
                        mstore(add(desk, DESK_OUT), add(out, 24))
                        mstore(add(desk, DESK_AT), add(at, PLAIN_SIZE))
                        mstore(add(desk, DESK_LEFT), sub(mload(add(desk, DESK_LEFT)), 1))
                        placed := 1
                    }
                }
            }
            if iszero(placed) { break }
          }
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
                if (hash == 0) hash = _legHash(line, outcome);
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

    function _legHash(Line line, uint256 outcome) private pure returns (uint256 hash) {
        hash = uint256(TypedData.legHash(line.row().name(), line.market(), outcome));
        if (outcome < 3) line.setKnown(outcome, hash);
    }

    function _checkAccount(
        Ledger storage ledger,
        Desk memory desk,
        Account account,
        uint256 head,
        uint256 stake
    ) private view returns (uint256 skip) {
        if (account.owner() == address(0)) return ACCOUNT_UNKNOWN;
        if (!account.isUsable(Packed.nonce(head))) return NONCE_USED;
        if (account.balance() < stake) return BALANCE_INSUFFICIENT;
        if (account.isExcluded()) {
            // A bet that was accepted before the exclusion stands: to exclude oneself must not be a
            // way out of it.
            Exit memory exit = ledger.exits[Packed.account(head)];
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
            desk.slipHash = slipHash;
            return Signatures.isValid(
                account.owner(),
                Signatures.digest(desk.separator, slipHash),
                tailAt + TAIL_SIZE,
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
                uint256 fixture = row.name() >> 128;
                Fixture held = ledger.fixtures[fixture];
                if (held.locked() != row.locked()) {
                    ledger.fixtures[fixture] = held.setLocked(row.locked());
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
