// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ISportsbook} from "../interfaces/ISportsbook.sol";
import {Account, Accounts} from "./Accounts.sol";
import {Fixture} from "./Fixtures.sol";
import {Book, Ledger} from "./Ledger.sol";
import {Line, Lines} from "./Lines.sol";
import {Markets} from "./Markets.sol";
import {Fraction, Outcomes} from "./Outcomes.sol";
import {Packed} from "./Packed.sol";
import {Placing} from "./Placing.sol";
import {RangeProof} from "./RangeProof.sol";
import {Signature, Signatures} from "./Signatures.sol";
import {TypedData} from "./TypedData.sol";

/// @title Settling
/// @notice Takes bets out of the ledger: settled by a result, or cashed out at a price that house and
/// bettor signed. Code of the sportsbook that stands at an address of its own, and works on the
/// sportsbook's storage.
library Settling {
    /// @dev A run of bets on its way out.
    struct Till {
        uint256 base;
        uint256 lines;
        uint256 markets;
        uint256 width;
        uint256 leaves;
        /// Space for the leg words of one bet.
        uint256 words;
        uint256 voidAfter;
        uint256 accumulatorsLocked;
        uint256 stakes;
        uint256 paid;
    }

    uint256 private constant ODDS_ONE = 1e4;
    uint256 private constant MAX_BETS = 256;
    uint256 private constant MAX_LEGS = 12;
    /// @dev Legs whose factors, multiplied, fit one word whatever their parts.
    uint256 private constant HALF_OF_LEGS = 6;
    uint256 private constant MARKET_SIZE = 26;
    uint256 private constant PAYOUT_SIZE = 9;

    /// @notice Settle runs of bets; see ISportsbook.settle.
    function settle(Ledger storage ledger, ISportsbook.Run[] calldata runs, uint256 voidAfter)
        external
    {
        Book memory book = ledger.book;
        uint256 any;
        for (uint256 i; i < runs.length; ++i) {
            any |= _settle(ledger, book, runs[i], voidAfter);
        }
        if (any == 0) revert ISportsbook.NothingToSettle();
        ledger.book = book;
    }

    /// @notice Cash a bet out; see ISportsbook.cashOut.
    function cashOut(
        Ledger storage ledger,
        ISportsbook.Run calldata run,
        ISportsbook.CashOut calldata offer,
        Signature calldata house,
        bytes calldata bettorSignature,
        bytes32 separator
    ) external {
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
        _writeLeaf(till, at, head, 0);
        _prove(till, run, commitment, 1);

        _checkOffer(at, head, offer);
        bytes32 digest = Signatures.digest(
            separator,
            TypedData.cashOutHash(Packed.account(head), run.batch, run.first, offer)
        );
        address signer = Signatures.recover(digest, house.r, house.vs);
        if (ledger.signers[signer] <= block.timestamp) revert ISportsbook.CashOutUnsigned(signer);
        Account account = ledger.accounts[Packed.account(head)];
        if (
            !Signatures.isValid(
                account.owner(),
                digest,
                Packed.start(bettorSignature),
                bettorSignature.length == 64 ? 0 : bettorSignature.length
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
        ISportsbook.Run calldata run,
        uint256 voidAfter
    ) private returns (uint256 settled) {
        bytes32 commitment = ledger.batches[run.batch];
        if (commitment == 0) return 0;
        Till memory till = _open(run, commitment);
        till.voidAfter = voidAfter;
        uint256 bits = ledger.settledBits[run.batch];
        uint256 count;
        uint256 payouts;
        (settled, payouts, count) = _settleBets(ledger, till, run, bits);
        _prove(till, run, commitment, count);
        if (settled == 0) return 0;
        _release(ledger, till, book);
        _mark(ledger, run.batch, till.width, bits, settled);
        _emit(run.batch, settled, payouts);
    }

    /// @return settled Bits of the bets that were settled.
    /// @return payouts Memory of the event's payouts.
    /// @return count Bets of the run.
    function _settleBets(
        Ledger storage ledger,
        Till memory till,
        ISportsbook.Run calldata run,
        uint256 bits
    ) private returns (uint256 settled, uint256 payouts, uint256 count) {
        unchecked {
            uint256 at = Packed.start(run.records);
            uint256 end = at + run.records.length;
            // A record is longer than a payout's entry.
            payouts = _reserve(run.records.length + 64);
            uint256 out = payouts + 32;
            while (at < end) {
                uint256 head = Packed.word(at);
                if (run.first + count >= till.width) revert ISportsbook.RunNotOfBatch(run.batch);
                (bool decided, uint256 payout) = _settleBet(ledger, till, at, head, count);
                uint256 bet = run.first + count;
                if (decided && (bits >> bet) & 1 == 0) {
                    settled |= 1 << bet;
                    _count(till, at, head);
                    if (payout != 0) {
                        till.paid += payout;
                        uint256 number = Packed.account(head);
                        ledger.accounts[number] = ledger.accounts[number].credit(payout);
                        uint256 entry = (bet << 248) | (payout << 184);
                        assembly ("memory-safe") {
                            mstore(out, entry)
                        }
                        out += PAYOUT_SIZE;
                    }
                }
                at += Packed.recordSize(head);
                ++count;
            }
            if (at != end) revert ISportsbook.RunNotOfBatch(run.batch);
            assembly ("memory-safe") {
                mstore(payouts, sub(sub(out, payouts), 32))
            }
        }
    }

    /// @dev What one bet pays when all of its legs are decided. Writes its leaf.
    function _settleBet(
        Ledger storage ledger,
        Till memory till,
        uint256 at,
        uint256 head,
        uint256 number
    ) private view returns (bool decided, uint256 payout) {
        unchecked {
            _writeLeaf(till, at, head, number);
            uint256 legs = Packed.legCount(head);
            uint256 acceptedAt = till.base + Packed.acceptedAfter(head);
            // Bounded like the payout at placing, times 255 for the parts of each leg: six legs
            // fit one word, and so does the divisor of twelve.
            payout = Packed.stake(head);
            uint256 more = 1;
            uint256 one = 1;
            for (uint256 i; i < legs; ++i) {
                (uint256 index, uint256 outcome, uint256 odds) = Packed.leg(at, i);
                uint256 known =
                    _fraction(ledger, till, Lines.at(till.lines, index), outcome, acceptedAt);
                uint256 parts = uint8(known >> 8);
                if (parts == 0) return (false, 0);
                uint256 factor = odds * uint8(known >> 16) + ODDS_ONE * uint8(known >> 24);
                if (i < HALF_OF_LEGS) payout *= factor;
                else more *= factor;
                one *= ODDS_ONE * parts;
            }
            payout = more == 1 ? payout / one : Math.mulDiv(payout, more, one);
            decided = true;
        }
    }

    /// @dev Before the match the fraction does not depend on the bet: it is worked out once a run.
    /// @return known 1 | parts << 8 | win << 16 | refund << 24.
    function _fraction(
        Ledger storage ledger,
        Till memory till,
        Line line,
        uint256 outcome,
        uint256 acceptedAt
    ) private view returns (uint256 known) {
        if (outcome < 3) known = line.known(outcome);
        if (known != 0) return known;
        uint256 market = line.market();
        Fixture fixture = ledger.fixtures[market >> 128];
        Fraction memory fraction =
            Outcomes.fraction(market, outcome, acceptedAt, fixture, till.voidAfter);
        known = 1 | (fraction.parts << 8) | (fraction.win << 16) | (fraction.refund << 24);
        if (outcome < 3 && !Markets.inPlay(market)) line.setKnown(outcome, known);
    }

    /// @dev One bet less: what it staked, and what it could have been paid.
    function _count(Till memory till, uint256 at, uint256 head) private pure {
        unchecked {
            uint256 stake = Packed.stake(head);
            uint256 most = _most(at, head, stake);
            till.stakes += stake;
            if (Packed.legCount(head) == 1) {
                (uint256 index, uint256 outcome,) = Packed.leg(at, 0);
                Line line = Lines.at(till.lines, index);
                line.setExposure(line.exposure() + Markets.exposureOf(outcome, most, stake));
            } else {
                till.accumulatorsLocked += most - stake;
            }
        }
    }

    /// @dev The fixture's sum is left: with a result, no cap is asked for any more.
    function _release(Ledger storage ledger, Till memory till, Book memory book) private {
        unchecked {
            uint256 locked = book.locked - till.accumulatorsLocked;
            Line line = Line.wrap(till.lines);
            for (uint256 i; i < till.markets; ++i) {
                uint256 released = line.exposure();
                if (released != 0) {
                    uint256 exposure = ledger.exposures[line.market()];
                    uint256 rest = exposure - released;
                    ledger.exposures[line.market()] = rest;
                    uint256 mode = Markets.mode(line.market());
                    locked = locked + Markets.locked(mode, rest) - Markets.locked(mode, exposure);
                }
                line = line.next();
            }
            book.locked = uint64(locked);
            book.openStakes -= uint64(till.stakes);
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
                bytes32 leaf = Packed.betHash(
                    till.words, headOfRest, till.base + Packed.acceptedAfter(head)
                );
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
            ledger.fixtures[market >> 128] = fixture.setLocked(fixture.relocked(before, after_));
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
            till.leaves = _reserve(32 * till.width);
            till.words = _reserve(32 * MAX_LEGS + 32);
        }
    }

    function _writeLeaf(Till memory till, uint256 at, uint256 head, uint256 nth) private pure {
        unchecked {
            uint256 legs = Packed.legCount(head);
            if (legs > MAX_LEGS) revert ISportsbook.ProofInvalid();
            uint256 words = till.words;
            for (uint256 i; i < legs; ++i) {
                (uint256 index, uint256 outcome, uint256 odds) = Packed.leg(at, i);
                if (index >= till.markets) revert ISportsbook.ProofInvalid();
                uint256 word =
                    Packed.betLeg(Lines.at(till.lines, index).market(), outcome, odds);
                assembly ("memory-safe") {
                    mstore(add(words, shl(5, i)), word)
                }
            }
            bytes32 leaf = Packed.betHash(words, head, till.base + Packed.acceptedAfter(head));
            uint256 leaves = till.leaves;
            assembly ("memory-safe") {
                mstore(add(leaves, shl(5, nth)), leaf)
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
