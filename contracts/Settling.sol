// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Account, Accounts} from "./libraries/Accounts.sol";
import {Fixture, Fixtures} from "./libraries/Fixtures.sol";
import {Book, Ledger, LedgerHolder, VOID_AFTER_START} from "./libraries/Ledger.sol";
import {Line, Lines} from "./libraries/Lines.sol";
import {Markets} from "./libraries/Markets.sol";
import {Fraction, Outcomes} from "./libraries/Outcomes.sol";
import {Packed} from "./libraries/Packed.sol";
import {Placing} from "./libraries/Placing.sol";
import {RangeProof} from "./libraries/RangeProof.sol";
import {Signature, Signatures} from "./libraries/Signatures.sol";
import {TypedData} from "./libraries/TypedData.sol";

/// @title Settling
/// @notice Takes bets out of the ledger: settled by a result, or cashed out at a price that house and
/// bettor signed. Code of the sportsbook that stands at an address of its own and works on the
/// sportsbook's storage; called by anybody else it finds no bets.
contract Settling is LedgerHolder, EIP712 {
    /// @dev A run of bets on its way out.
    struct Till {
        uint256 base;
        uint256 lines;
        uint256 markets;
        uint256 width;
        uint256 leaves;
        /// Space for the leg words of one bet.
        uint256 words;
        /// Bets of the batch that were settled before, and now.
        uint256 bits;
        uint256 settled;
        /// Where the walk is: in the records, among the leaves, in the bits.
        uint256 at;
        uint256 end;
        uint256 leaf;
        uint256 bit;
        uint256 first;
        /// The event's payouts, and where the next belongs.
        uint256 payouts;
        uint256 out;
        uint256 paid;
        /// Of accumulators; singles are summed up by market.
        uint256 accumulatorsLocked;
        uint256 stakes;
    }

    // Places in memory of the fields above.
    uint256 private constant TILL_BASE = 0;
    uint256 private constant TILL_LINES = 0x20;
    uint256 private constant TILL_MARKETS = 0x40;
    uint256 private constant TILL_LEAVES = 0x80;
    uint256 private constant TILL_WORDS = 0xa0;
    uint256 private constant TILL_BITS = 0xc0;
    uint256 private constant TILL_SETTLED = 0xe0;
    uint256 private constant TILL_AT = 0x100;
    uint256 private constant TILL_END = 0x120;
    uint256 private constant TILL_LEAF = 0x140;
    uint256 private constant TILL_BIT = 0x160;
    uint256 private constant TILL_FIRST = 0x180;
    uint256 private constant TILL_OUT = 0x1c0;
    uint256 private constant TILL_PAID = 0x1e0;

    uint256 private constant ODDS_ONE = 1e4;
    uint256 private constant MAX_BETS = 256;
    uint256 private constant MAX_LEGS = 12;
    /// @dev Legs whose factors, multiplied, fit one word whatever their parts.
    uint256 private constant HALF_OF_LEGS = 6;
    uint256 private constant MARKET_SIZE = 26;
    uint256 private constant PAYOUT_SIZE = 9;
    /// @dev Bytes of a record of one leg.
    uint256 private constant PLAIN_SIZE = 24;

    // Places in memory of a line's words.
    uint256 private constant LINE_SIZE = 0x140;
    uint256 private constant LINE_EXPOSURE = 0x20;
    uint256 private constant LINE_KNOWN = 0xe0;

    // What is known of an outcome in a run: lost, won, or its parts.
    uint256 private constant LOST = 1;
    uint256 private constant WON = 2;
    uint256 private constant PARTS = 3;

    constructor() EIP712("Fairline", "1") {}

    /// @notice See ISportsbook.settle.
    function settle(ISportsbook.Run[] calldata runs) external {
        Book memory book = ledger_.book;
        uint256 any;
        for (uint256 i; i < runs.length; ++i) {
            any |= _settle(ledger_, book, runs[i]);
        }
        if (any == 0) revert ISportsbook.NothingToSettle();
        ledger_.book = book;
    }

    /// @notice See ISportsbook.cashOut.
    function cashOut(
        ISportsbook.Run calldata run,
        ISportsbook.CashOut calldata offer,
        Signature calldata house,
        bytes calldata bettor
    ) external {
        Ledger storage ledger = ledger_;
        bytes32 commitment = ledger.batches[run.batch];
        uint256 bits = ledger.settledBits[run.batch];
        if (commitment == 0 || (bits >> run.first) & 1 != 0) {
            revert ISportsbook.BetNotOpen(run.batch, run.first);
        }
        Till memory till = _open(run, commitment);
        uint256 at = Packed.start(run.records);
        uint256 head = Packed.word(at);
        if (Packed.recordSize(head) != run.records.length) {
            revert ISportsbook.RunNotOfBatch(run.batch);
        }
        _writeLeaf(till, at, head, till.leaves);
        _prove(till, run, commitment, 1);

        _checkOffer(at, head, offer);
        bytes32 digest = _hashTypedDataV4(
            TypedData.cashOutHash(Packed.account(head), run.batch, run.first, offer)
        );
        address signer = Signatures.recover(digest, house.r, house.vs);
        if (ledger.signers[signer] <= block.timestamp) revert ISportsbook.CashOutUnsigned(signer);
        Account account = ledger.accounts[Packed.account(head)];
        if (
            !Signatures.isValid(
                account.owner(),
                digest,
                Packed.start(bettor),
                bettor.length == 64 ? 0 : bettor.length
            )
        ) revert ISportsbook.CashOutUnsigned(account.owner());

        ledger.accounts[Packed.account(head)] = account.credit(offer.price);
        _mark(ledger, run.batch, till.width, bits, 1 << run.first);
        _reduce(ledger, till, at, head, run, offer);
    }

    // -- Settling by results

    /// @return settled Bits of the bets that this run settled.
    function _settle(
        Ledger storage ledger,
        Book memory book,
        ISportsbook.Run calldata run
    ) private returns (uint256 settled) {
        bytes32 commitment = ledger.batches[run.batch];
        if (commitment == 0) return 0;
        Till memory till = _open(run, commitment);
        till.bits = ledger.settledBits[run.batch];
        _settleBets(ledger, till, run);
        _prove(till, run, commitment, (till.leaf - till.leaves) >> 5);
        settled = till.settled;
        if (settled == 0) return 0;
        _release(ledger, till, book);
        _mark(ledger, run.batch, till.width, till.bits, settled);
        _emit(run.batch, settled, till.payouts);
    }

    /// @dev Walks the run once: writes its leaves, settles what is decided, and packs the payouts.
    function _settleBets(Ledger storage ledger, Till memory till, ISportsbook.Run calldata run)
        private
    {
        unchecked {
            till.at = Packed.start(run.records);
            till.end = till.at + run.records.length;
            till.leaf = till.leaves;
            till.bit = 1 << run.first;
            till.first = run.first;
            // A record is longer than a payout's entry.
            till.payouts = _reserve(run.records.length + 64);
            till.out = till.payouts + 32;
            while (true) {
                _settlePlain(ledger, till);
                if (till.at >= till.end) break;
                uint256 head = Packed.word(till.at);
                (bool decided, uint256 payout) = _settleBet(ledger, till, head);
                if (decided) till.settled |= till.bit;
                if (payout != 0) _pay(ledger, till, Packed.account(head), payout);
                till.at += Packed.recordSize(head);
                till.leaf += 32;
                till.bit <<= 1;
            }
            if (till.at != till.end) revert ISportsbook.RunNotOfBatch(run.batch);
            (uint256 payouts, uint256 out) = (till.payouts, till.out);
            assembly ("memory-safe") {
                mstore(payouts, sub(sub(out, payouts), 32))
            }
        }
    }

    /// @dev `_settleBet` as far as bets follow each other of one leg whose outcome is known as won or
    /// lost, which nearly all are: the first of an outcome makes it known. What this leaves out, it
    /// leaves untouched.
    function _settlePlain(Ledger storage ledger, Till memory till) private {
        mapping(uint256 => Account) storage accounts = ledger.accounts;
        assembly ("memory-safe") {
            let at := mload(add(till, TILL_AT))
            let leaf := mload(add(till, TILL_LEAF))
            let bit := mload(add(till, TILL_BIT))
            let settled := mload(add(till, TILL_SETTLED))
            for {} lt(at, mload(add(till, TILL_END))) {} {
                let head := calldataload(at)
                let entry := calldataload(add(at, 18))
                let line := add(mload(add(till, TILL_LINES)), mul(shr(248, entry), LINE_SIZE))
                let known := mload(add(line, add(LINE_KNOWN, shl(5, byte(1, entry)))))
                if iszero(
                    and(
                        and(lt(sub(known, LOST), 2), lt(byte(1, entry), 3)),
                        and(
                            and(
                                eq(and(shr(112, head), 0xff), 1),
                                lt(shr(248, entry), mload(add(till, TILL_MARKETS)))
                            ),
                            iszero(and(bit, mload(add(till, TILL_BITS))))
                        )
                    )
                ) { break }
                let words := mload(add(till, TILL_WORDS))
                entry := and(shr(208, entry), 0xffffffffff)
                mstore(words, or(mload(line), entry))
                mstore(
                    add(words, 32),
                    or(shl(112, shr(112, head)), shl(72, mload(add(till, TILL_BASE))))
                )
                mstore(leaf, keccak256(words, 55))
                let stake := and(shr(136, head), 0xffffffffffffffff)
                let most := div(mul(stake, and(entry, 0xffffffff)), 10000)
                line := add(line, LINE_EXPOSURE)
                mstore(
                    line,
                    add(
                        mload(line), or(shl(shl(6, shr(32, entry)), most), shl(192, stake))
                    )
                )
                settled := or(settled, bit)
                if eq(known, WON) {
                    mstore(0, shr(224, head))
                    mstore(32, accounts.slot)
                    let slot := keccak256(0, 64)
                    sstore(slot, add(sload(slot), most))
                    let paid := add(till, TILL_PAID)
                    mstore(paid, add(mload(paid), most))
                    let bet :=
                        add(
                            mload(add(till, TILL_FIRST)),
                            shr(5, sub(leaf, mload(add(till, TILL_LEAVES))))
                        )
                    let out := mload(add(till, TILL_OUT))
                    mstore(out, or(shl(248, bet), shl(184, most)))
                    mstore(add(till, TILL_OUT), add(out, PAYOUT_SIZE))
                }
                at := add(at, PLAIN_SIZE)
                leaf := add(leaf, 32)
                bit := shl(1, bit)
            }
            mstore(add(till, TILL_AT), at)
            mstore(add(till, TILL_LEAF), leaf)
            mstore(add(till, TILL_BIT), bit)
            mstore(add(till, TILL_SETTLED), settled)
        }
    }

    function _pay(Ledger storage ledger, Till memory till, uint256 account, uint256 payout)
        private
    {
        unchecked {
            till.paid += payout;
            ledger.accounts[account] = ledger.accounts[account].credit(payout);
            uint256 bet = till.first + ((till.leaf - till.leaves) >> 5);
            uint256 out = till.out;
            assembly ("memory-safe") {
                mstore(out, or(shl(248, bet), shl(184, payout)))
            }
            till.out = out + PAYOUT_SIZE;
        }
    }

    /// @dev What a leg multiplies the stake by: a numerator, and a divisor.
    function _factor(uint256 known, uint256 odds) private pure returns (uint256, uint256) {
        unchecked {
            if (known == LOST) return (0, ODDS_ONE);
            if (known == WON) return (odds, ODDS_ONE);
            return (
                odds * uint8(known >> 16) + ODDS_ONE * (known >> 24),
                ODDS_ONE * uint8(known >> 8)
            );
        }
    }

    /// @dev Any bet. Writes its leaf; a bet of one leg adds to what its market releases.
    function _settleBet(Ledger storage ledger, Till memory till, uint256 head)
        private
        view
        returns (bool decided, uint256 payout)
    {
        unchecked {
            uint256 at = till.at;
            _writeLeaf(till, at, head, till.leaf);
            if (till.bits & till.bit != 0) return (false, 0);
            uint256 legs = Packed.legCount(head);
            uint256 stake = Packed.stake(head);
            // Bounded like the payout at placing, times 255 for the parts of each leg: six legs
            // fit one word, and so does the divisor of twelve.
            payout = stake;
            uint256 more = 1;
            uint256 one = 1;
            for (uint256 i; i < legs; ++i) {
                (uint256 index, uint256 outcome, uint256 odds) = Packed.leg(at, i);
                uint256 known =
                    _fraction(ledger, Lines.at(till.lines, index), outcome, till.base, head);
                if (known == 0) return (false, 0);
                (uint256 factor, uint256 divisor) = _factor(known, odds);
                if (i < HALF_OF_LEGS) payout *= factor;
                else more *= factor;
                one *= divisor;
            }
            payout = more == 1 ? payout / one : Math.mulDiv(payout, more, one);
            decided = true;
            uint256 most = _most(at, head, stake);
            if (legs == 1) {
                (uint256 index, uint256 outcome,) = Packed.leg(at, 0);
                Line line = Lines.at(till.lines, index);
                line.setExposure(line.exposure() + Markets.exposureOf(outcome, most, stake));
            } else {
                till.stakes += stake;
                till.accumulatorsLocked += most - stake;
            }
        }
    }

    /// @dev Before the match the fraction does not depend on the bet: it is worked out once a run.
    /// @return known 0 while nobody knows, LOST, WON, or PARTS | parts << 8 | win << 16 | refund << 24.
    function _fraction(
        Ledger storage ledger,
        Line line,
        uint256 outcome,
        uint256 base,
        uint256 head
    ) private view returns (uint256 known) {
        if (outcome < 3) known = line.known(outcome);
        if (known != 0) return known;
        uint256 market = line.market();
        Fraction memory f = Outcomes.fraction(
            market,
            outcome,
            base + Packed.acceptedAfter(head),
            ledger.fixtures[market >> 128],
            VOID_AFTER_START
        );
        if (f.parts == 0) return 0;
        if (f.win == f.parts) known = WON;
        else if (f.win + f.refund == 0) known = LOST;
        else known = PARTS | (f.parts << 8) | (f.win << 16) | (f.refund << 24);
        if (outcome < 3 && !Markets.inPlay(market)) line.setKnown(outcome, known);
    }

    /// @dev The fixture's sum is left: with a result, no cap is asked for any more.
    function _release(Ledger storage ledger, Till memory till, Book memory book) private {
        unchecked {
            uint256 locked = book.locked - till.accumulatorsLocked;
            uint256 stakes = till.stakes;
            Line line = Line.wrap(till.lines);
            for (uint256 i; i < till.markets; ++i) {
                uint256 released = line.exposure();
                if (released != 0) {
                    uint256 exposure = ledger.exposures[line.market()];
                    uint256 rest = exposure - released;
                    ledger.exposures[line.market()] = rest;
                    stakes += released >> 192;
                    uint256 mode = Markets.mode(line.market());
                    locked = locked + Markets.locked(mode, rest) - Markets.locked(mode, exposure);
                }
                line = line.next();
            }
            book.locked = uint64(locked);
            book.openStakes -= uint64(stakes);
            book.pool -= uint64(till.paid);
        }
    }

    // -- Cashing out

    function _checkOffer(uint256 at, uint256 head, ISportsbook.CashOut calldata offer)
        private
        view
    {
        if (block.timestamp > offer.deadline) revert ISportsbook.CashOutExpired(offer.deadline);
        uint256 stake = Packed.stake(head);
        if (offer.stake == 0 || offer.stake > stake) {
            revert ISportsbook.CashOutStakeInvalid(offer.stake, stake);
        }
        uint256 limit = _most(at, head, offer.stake);
        if (offer.price > limit) revert ISportsbook.CashOutTooHigh(offer.price, limit);
    }

    /// @dev Pays the price, and lets what is left of the stake go on as a bet of its own.
    function _reduce(
        Ledger storage ledger,
        Till memory till,
        uint256 at,
        uint256 head,
        ISportsbook.Run calldata run,
        ISportsbook.CashOut calldata offer
    ) private {
        unchecked {
            Book memory book = ledger.book;
            uint256 rest = Packed.stake(head) - offer.stake;
            book.locked = uint64(book.locked + _relock(ledger, till, at, head, rest));
            book.openStakes -= offer.stake;
            uint256 bound = uint256(book.openStakes) + book.locked + offer.price;
            if (book.pool < bound) revert ISportsbook.BankrollLocked(book.pool, bound);
            book.pool -= offer.price;
            uint256 next;
            if (rest != 0) {
                next = ++book.batchCount;
                uint256 headOfRest = (head & ~(uint256(type(uint64).max) << 136)) | (rest << 136);
                bytes32 leaf =
                    Packed.betHash(till.words, headOfRest, Packed.legCount(head), till.base);
                ledger.batches[next] = Placing.commitment(leaf, 1);
            }
            ledger.book = book;
            emit ISportsbook.CashedOut(
                run.batch, run.first, offer.price, next, uint64(rest), run.markets, run.records
            );
        }
    }

    /// @return change Of what the bankroll locks; wraps when it falls.
    function _relock(
        Ledger storage ledger,
        Till memory till,
        uint256 at,
        uint256 head,
        uint256 rest
    ) private returns (uint256 change) {
        unchecked {
            uint256 stake = Packed.stake(head);
            uint256 most = _most(at, head, stake);
            uint256 mostOfRest = _most(at, head, rest);
            if (Packed.legCount(head) != 1) return (mostOfRest - rest) - (most - stake);
            (uint256 index, uint256 outcome,) = Packed.leg(at, 0);
            uint256 market = Lines.at(till.lines, index).market();
            uint256 mode = Markets.mode(market);
            uint256 exposure = ledger.exposures[market];
            uint256 before = Markets.locked(mode, exposure);
            exposure = exposure - Markets.exposureOf(outcome, most, stake)
                + Markets.exposureOf(outcome, mostOfRest, rest);
            uint256 after_ = Markets.locked(mode, exposure);
            ledger.exposures[market] = exposure;
            Fixture fixture = ledger.fixtures[market >> 128];
            ledger.fixtures[market >> 128] =
                fixture.setLocked(Fixtures.changed(fixture.locked(), before, after_));
            return after_ - before;
        }
    }

    // -- Runs

    /// @dev The markets that a run's records refer to.
    function _open(ISportsbook.Run calldata run, bytes32 commitment)
        private
        pure
        returns (Till memory till)
    {
        unchecked {
            till.width = uint256(uint8(uint256(commitment))) + 1;
            uint256 at = Packed.start(run.markets);
            till.base = Packed.word(at) >> 216;
            till.markets = (run.markets.length - 5) / MARKET_SIZE;
            // A length below 5 wraps, and is refused here as well.
            if (till.markets > MAX_BETS || 5 + MARKET_SIZE * till.markets != run.markets.length) {
                revert ISportsbook.RunNotOfBatch(run.batch);
            }
            at += 5;
            till.lines = Lines.reserve(till.markets);
            Line line = Line.wrap(till.lines);
            for (uint256 i; i < till.markets; ++i) {
                line.setMarket((Packed.word(at) >> 48) << 48);
                line = line.next();
                at += MARKET_SIZE;
            }
            // No record is shorter, so there is room for all, even for more than the batch has.
            till.leaves = _reserve(run.records.length / PLAIN_SIZE * 32 + 32);
            till.words = _reserve(32 * MAX_LEGS + 32);
        }
    }

    function _writeLeaf(Till memory till, uint256 at, uint256 head, uint256 to) private pure {
        unchecked {
            uint256 legs = Packed.legCount(head);
            if (legs - 1 >= MAX_LEGS) revert ISportsbook.ProofInvalid();
            uint256 words = till.words;
            for (uint256 i; i < legs; ++i) {
                uint256 entry = Packed.word(at + Packed.RECORD_HEAD + Packed.LEG_SIZE * i);
                if (entry >> 248 >= till.markets) revert ISportsbook.ProofInvalid();
                uint256 word = Packed.betLeg(Lines.at(till.lines, entry >> 248).market(), entry);
                assembly ("memory-safe") {
                    mstore(add(words, shl(5, i)), word)
                }
            }
            bytes32 leaf = Packed.betHash(words, head, legs, till.base);
            assembly ("memory-safe") {
                mstore(to, leaf)
            }
        }
    }

    function _prove(
        Till memory till,
        ISportsbook.Run calldata run,
        bytes32 commitment,
        uint256 count
    ) private pure {
        bytes32 root = RangeProof.root(till.leaves, count, run.first, till.width, run.proof);
        if (Placing.commitment(root, till.width) != commitment) {
            revert ISportsbook.RunNotOfBatch(run.batch);
        }
    }

    /// @dev A batch that is settled whole gives its slots back.
    function _mark(
        Ledger storage ledger,
        uint256 batch,
        uint256 width,
        uint256 bits,
        uint256 settled
    ) private {
        uint256 all = bits | settled;
        if (all == type(uint256).max >> (MAX_BETS - width)) {
            delete ledger.batches[batch];
            if (bits != 0) delete ledger.settledBits[batch];
        } else {
            ledger.settledBits[batch] = all;
        }
    }

    /// @dev What a bet pays when every leg wins.
    function _most(uint256 at, uint256 head, uint256 stake) private pure returns (uint256 most) {
        unchecked {
            uint256 legs = Packed.legCount(head);
            uint256 one = 1;
            most = stake;
            for (uint256 i; i < legs; ++i) {
                (,, uint256 odds) = Packed.leg(at, i);
                most *= odds;
                one *= ODDS_ONE;
            }
            most /= one;
        }
    }

    function _emit(uint256 batch, uint256 settled, uint256 at) private {
        bytes memory payouts;
        assembly ("memory-safe") {
            payouts := at
        }
        emit ISportsbook.BatchSettled(batch, settled, payouts);
    }

    /// @dev Memory that stays where it is; the caller writes before it reads.
    function _reserve(uint256 size) private pure returns (uint256 to) {
        assembly ("memory-safe") {
            to := mload(0x40)
            mstore(0x40, and(add(add(to, size), 31), not(31)))
        }
    }
}
