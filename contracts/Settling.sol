// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Account} from "./libraries/Accounts.sol";
import {Batch, Batches} from "./libraries/Batches.sol";
import {Calldata} from "./libraries/Calldata.sol";
import {Fixture, Fixtures} from "./libraries/Fixtures.sol";
import {Book, Ledger, LedgerStorage, VOID_AFTER_START} from "./libraries/Ledger.sol";
import {Fraction, HALF_LOST, HALF_WON, LOST, UNKNOWN, VOID, WON} from "./libraries/Fractions.sol";
import {Key, Keys} from "./libraries/Keys.sol";
import {
    FATE_LOST,
    FATE_WON,
    SettlingMarkets,
    SettlingMarket
} from "./libraries/SettlingMarkets.sol";
import {Markets} from "./libraries/Markets.sol";
import {Money} from "./libraries/Money.sol";
import {Outcomes} from "./libraries/Outcomes.sol";
import {RangeProof} from "./libraries/RangeProof.sol";
import {Records} from "./libraries/Records.sol";
import {SettlingFastPath} from "./libraries/SettlingFastPath.sol";
import {PAYOUT_SIZE, SettlingState} from "./libraries/SettlingState.sol";
import {Signature, Signatures} from "./libraries/Signatures.sol";
import {StorageSlots} from "./libraries/StorageSlots.sol";
import {TypedData} from "./libraries/TypedData.sol";

/// @title Settling
/// @notice Stores results and settles bets by them, and cashes bets out at a price that house and
/// bettor signed.
/// @dev The sportsbook checks who may store results. It runs this code by delegatecall, on its own
/// storage: together they would exceed the limit of 24,576 bytes. Called directly, the code finds
/// no bets. `SettlingFastPath` handles plain bets; `_settleBet` is the slow path, which handles
/// every bet.
contract Settling is LedgerStorage, EIP712 {
    uint256 private constant ODDS_ONE = 1e4;
    uint256 private constant MAX_BETS = 256;
    uint256 private constant MAX_LEGS = 12;
    /// @dev Legs whose payout factors can be multiplied within one word, whatever their fractions.
    uint256 private constant LEGS_PER_WORD = 6;
    /// @dev Bytes of a record of one leg.
    uint256 private constant SINGLE_RECORD_SIZE = 24;
    /// @dev Bytes of the base time before a run's markets.
    uint256 private constant BASE_SIZE = 5;
    /// @dev Bytes that ABI encoding puts before the event's payouts: settled 32 | offset 32 |
    /// length 32; and the same with the padding after the payouts.
    uint256 private constant EVENT_HEAD_SIZE = 96;
    uint256 private constant EVENT_OVERHEAD = 160;

    constructor() EIP712("Fairline", "1") {}

    /// @notice See ISportsbook.resolve.
    function resolve(uint256[] calldata results, uint40 finalAt, uint24 term) external {
        unchecked {
            for (uint256 i; i < results.length; ++i) {
                uint256 result = results[i];
                uint256 id = Fixtures.idOf(result);
                Fixture fixture = ledger_.fixtures[id];
                if (fixture.status() != 0) revert ISportsbook.ResultExists(bytes16(uint128(id)));
                // A fixture that was never bet on is the standing council's to decide.
                if (fixture.term() == 0) fixture = fixture.setTerm(ledger_.caps.term);
                if (fixture.term() != term) {
                    revert ISportsbook.TermInvalid(
                        bytes16(uint128(id)), uint24(fixture.term()), term
                    );
                }
                ledger_.fixtures[id] = fixture.resolve(result, block.timestamp, finalAt);
            }
        }
    }

    /// @notice See ISportsbook.amend.
    function amend(uint256 result, uint40 finalAt) external {
        uint256 id = Fixtures.idOf(result);
        Fixture fixture = ledger_.fixtures[id];
        if (fixture.status() == 0) revert ISportsbook.ResultUnknown(bytes16(uint128(id)));
        ledger_.fixtures[id] = fixture.resolve(result, fixture.publishedAt(), finalAt);
    }

    /// @notice See ISportsbook.settle.
    function settle(ISportsbook.Run[] calldata runs) external {
        Book memory book = ledger_.book;
        SettlingState memory state;
        uint256 settledAny;
        for (uint256 i; i < runs.length; ++i) {
            ISportsbook.Run calldata run = runs[i];
            bytes calldata markets = run.markets;
            if (markets.length != BASE_SIZE) {
                _release(ledger_, state, book);
                _readMarkets(state, markets, run.batch);
                _cacheFractions(ledger_, state);
            }
            settledAny |= _settleRun(ledger_, state, run, markets);
        }
        if (settledAny == 0) revert ISportsbook.NothingToSettle();
        _release(ledger_, state, book);
        book.locked = Money.sub(book.locked, state.accumulatorsLocked);
        book.accumulators = Money.sub(book.accumulators, state.accumulatorsLocked);
        book.owed = Money.sub(book.owed, state.stakes);
        book.pool = Money.sub(book.pool, state.paidOut);
        ledger_.book = book;
    }

    /// @notice See ISportsbook.cashOut.
    function cashOut(
        ISportsbook.Run calldata run,
        ISportsbook.CashOut calldata offer,
        Signature calldata house,
        bytes calldata bettor
    ) external {
        SettlingState memory state;
        uint256 head = _readOpenBet(state, run);
        _checkOffer(state, head, offer);
        bytes32 digest = _hashTypedDataV4(
            TypedData.cashOutHash(Records.account(head), run.batch, run.first, offer)
        );
        _spendCashOut(ledger_, Signatures.recover(digest, house.r, house.vs), offer.price);
        Account account = ledger_.accounts[Records.account(head)];
        if (!Signatures.isValid(account.owner(), digest, bettor)) {
            revert ISportsbook.CashOutUnsigned(account.owner());
        }

        ledger_.accounts[Records.account(head)] = account.credit(offer.price);
        (uint256 next, uint64 rest) = _endBet(state, head, run, offer, ledger_.caps.reserve);
        emit ISportsbook.CashedOut(
            run.batch, run.first, offer.price, next, rest, run.markets, run.records
        );
    }

    /// @notice The first half of ISportsbook.enforceInstead: ends the bet of the run.
    /// @return head Head of the bet's record.
    /// @return terms Hash of the bet's legs, odds, stake, account, nonce and time of acceptance.
    /// @return picks Hash of its legs without their odds.
    function enforceInstead(ISportsbook.Run calldata run, bytes calldata, Signature calldata)
        external
        returns (uint256 head, bytes32 terms, bytes32 picks)
    {
        SettlingState memory state;
        head = _readOpenBet(state, run);
        // So young a bet has no final result, and its market is not marked: what it is owed is its
        // stake.
        uint256 until =
            state.base + Records.acceptedAfter(head) + ISportsbook(address(this)).RECEIPT_WINDOW();
        if (block.timestamp > until) revert ISportsbook.ReplacementTooLate(until);
        uint256 stake = Records.stake(head);
        ISportsbook.CashOut memory refund;
        (refund.stake, refund.price) = (uint64(stake), uint64(stake));
        ledger_.accounts[Records.account(head)] =
            ledger_.accounts[Records.account(head)].credit(stake);
        // No reserve: it is there for receipts.
        _endBet(state, head, run, refund, 0);
        emit ISportsbook.BetReplaced(run.batch, run.first, run.markets, run.records);
        state.base += Records.acceptedAfter(head);
        uint256 words = _reserve(32 * MAX_LEGS + 32);
        terms = _leafHash(state, state.recordAt, Records.withoutAcceptance(head), words);
        picks = Records.picksHash(words, Records.legCount(head));
    }

    // -- Settling by results

    /// @return settled Bit i is set if this run settled bet i of the batch.
    function _settleRun(
        Ledger storage ledger,
        SettlingState memory state,
        ISportsbook.Run calldata run,
        bytes calldata markets
    ) private returns (uint256 settled) {
        Batch batch = ledger.batches[run.batch];
        if (!batch.exists()) return 0;
        _readRun(state, run, markets, batch);
        state.settledNow = 0;
        state.settledBefore = batch.isTouched() ? ledger.settledBits[run.batch] : 0;
        _settleBets(
            ledger, state, (state.settledBefore >> run.first) << (MAX_BETS - state.runBets) == 0
        );
        settled = state.settledNow;
        if (settled == 0) return 0;
        _markSettled(ledger, run.batch, batch, state.settledBefore | settled);
        _emitBatchSettled(state, run.batch, settled);
    }

    /// @dev Settles the decided bets of the run in one pass, and writes the event's payouts.
    /// @param fresh Whether no bet of the run was settled before.
    function _settleBets(Ledger storage ledger, SettlingState memory state, bool fresh) private {
        unchecked {
            // Large enough: a record is longer than the payout of its bet.
            state.eventStart = _reserve(state.recordsEnd - state.recordAt + EVENT_OVERHEAD);
            state.payoutAt = state.eventStart + EVENT_HEAD_SIZE;
            uint256 endBet = state.betIndex + state.runBets;
            if (fresh) SettlingFastPath.settle(ledger.accounts, state);
            while (state.recordAt < state.recordsEnd) {
                uint256 head = Calldata.word(state.recordAt);
                (bool decided, uint256 payout) = _settleBet(ledger, state, head);
                if (decided) state.settledNow |= 1 << state.betIndex;
                if (payout != 0) _credit(ledger, state, Records.account(head), payout);
                state.recordAt += Records.size(head);
                ++state.betIndex;
                if (fresh) SettlingFastPath.settle(ledger.accounts, state);
            }
            // The proof read the same records before, so it must have found the same bets.
            assert(state.recordAt == state.recordsEnd);
            assert(state.betIndex == endBet);
        }
    }

    /// @dev Caches what outcomes 0 to 2 of each market earn, if a final result decides the market
    /// for all bets alike. Not for markets in play and propositions.
    function _cacheFractions(Ledger storage ledger, SettlingState memory state) private view {
        unchecked {
            SettlingMarket entry = SettlingMarket.wrap(state.markets);
            for (uint256 i; i < state.marketCount; ++i) {
                uint256 market = entry.market();
                if (!Markets.inPlay(market) && Markets.kind(market) != Markets.PROPOSITION) {
                    Fixture fixture = ledger.fixtures[market >> 128];
                    Fraction status = Outcomes.marketStatus(
                        market, Markets.startsAt(market), fixture, VOID_AFTER_START
                    );
                    if (status == VOID) {
                        entry.setFraction(0, VOID);
                        entry.setFraction(1, VOID);
                        entry.setFraction(2, VOID);
                    } else if (status == WON) {
                        (int256 home, int256 away) = Outcomes.goals(Markets.period(market), fixture);
                        (uint256 rule, int256 value) = Outcomes.verdict(market, home, away);
                        _cacheFraction(entry, 0, Outcomes.fractionFor(rule, value, 0));
                        _cacheFraction(entry, 1, Outcomes.fractionFor(rule, value, 1));
                        _cacheFraction(entry, 2, Outcomes.fractionFor(rule, value, 2));
                    }
                }
                entry = entry.next();
            }
        }
    }

    function _cacheFraction(SettlingMarket entry, uint256 outcome, Fraction fraction) private pure {
        entry.setFraction(outcome, fraction);
        if (fraction == WON) entry.setFate(outcome, FATE_WON);
        else if (fraction == LOST) entry.setFate(outcome, FATE_LOST);
    }

    /// @dev Credits a payout to its account, and appends it to the event.
    function _credit(
        Ledger storage ledger,
        SettlingState memory state,
        uint256 account,
        uint256 payout
    ) private {
        unchecked {
            state.paidOut += payout;
            ledger.accounts[account] = ledger.accounts[account].credit(payout);
            (uint256 bet, uint256 out) = (state.betIndex, state.payoutAt);
            assembly ("memory-safe") {
                // [out,out+0x09): bet 1 | amount 8; zeros after
                mstore(out, or(shl(248, bet), shl(184, payout)))
            }
            state.payoutAt = out + PAYOUT_SIZE;
        }
    }

    /// @dev What a leg multiplies the stake by.
    /// @return Numerator.
    /// @return Divisor.
    function _payoutFactor(Fraction fraction, uint256 odds)
        private
        pure
        returns (uint256, uint256)
    {
        unchecked {
            return
                (odds * fraction.win() + ODDS_ONE * fraction.refund(), ODDS_ONE * fraction.parts());
        }
    }

    /// @dev The slow path, for any bet.
    function _settleBet(Ledger storage ledger, SettlingState memory state, uint256 head)
        private
        view
        returns (bool decided, uint256 payout)
    {
        unchecked {
            if ((state.settledBefore >> state.betIndex) & 1 != 0) return (false, 0);
            if (Records.legCount(head) == 1) return _settleSingle(ledger, state, head);
            return _settleAccumulator(ledger, state, head);
        }
    }

    /// @dev Adds the bet's exposure to what its market releases.
    function _settleSingle(Ledger storage ledger, SettlingState memory state, uint256 head)
        private
        view
        returns (bool decided, uint256 payout)
    {
        unchecked {
            (uint256 index, uint256 outcome, uint256 odds) = Records.leg(state.recordAt, 0);
            SettlingMarket entry = SettlingMarkets.at(state.markets, index);
            Fraction fraction = _legFraction(ledger, entry, outcome, state.base, head);
            if (fraction == UNKNOWN) return (false, 0);
            uint256 stake = Records.stake(head);
            (uint256 factor, uint256 divisor) = _payoutFactor(fraction, odds);
            payout = stake * factor / divisor;
            decided = true;
            entry.setExposure(
                entry.exposure() + Markets.exposureOf(outcome, stake * odds / ODDS_ONE, stake)
            );
        }
    }

    function _settleAccumulator(Ledger storage ledger, SettlingState memory state, uint256 head)
        private
        view
        returns (bool decided, uint256 payout)
    {
        unchecked {
            uint256 at = state.recordAt;
            uint256 legs = Records.legCount(head);
            uint256 stake = Records.stake(head);
            // Odds x 255 parts for each leg: the factors of six legs fit one word with the stake,
            // since placing bounded the payout, and so does the divisor of twelve legs.
            payout = stake;
            uint256 factorOfRest = 1;
            uint256 divisors = 1;
            decided = true;
            for (uint256 i; i < legs; ++i) {
                (uint256 index, uint256 outcome, uint256 odds) = Records.leg(at, i);
                Fraction fraction = _legFraction(
                    ledger, SettlingMarkets.at(state.markets, index), outcome, state.base, head
                );
                if (fraction == LOST) {
                    // Whatever becomes of the other legs, the bet pays nothing.
                    (payout, decided) = (0, true);
                    break;
                }
                if (fraction == UNKNOWN) {
                    decided = false;
                    continue;
                }
                (uint256 factor, uint256 divisor) = _payoutFactor(fraction, odds);
                if (i < LEGS_PER_WORD) payout *= factor;
                else factorOfRest *= factor;
                divisors *= divisor;
            }
            if (!decided) return (false, 0);
            payout =
                factorOfRest == 1 ? payout / divisors : Math.mulDiv(payout, factorOfRest, divisors);
            state.stakes += stake;
            state.accumulatorsLocked += _maxPayout(at, head, stake) - stake;
        }
    }

    /// @dev What became of a leg; UNKNOWN if that is not decided yet. Cached where it does not
    /// depend on the bet: in play it depends on when the bet was accepted.
    function _legFraction(
        Ledger storage ledger,
        SettlingMarket entry,
        uint256 outcome,
        uint256 base,
        uint256 head
    ) private view returns (Fraction fraction) {
        unchecked {
            if (outcome < 3) fraction = entry.fraction(outcome);
            if (!(fraction == UNKNOWN)) return fraction;
            uint256 market = entry.market();
            Fixture fixture = ledger.fixtures[market >> 128];
            uint256 countsFrom = Markets.inPlay(market)
                ? base + Records.acceptedAfter(head)
                : Markets.startsAt(market);
            fraction = Outcomes.marketStatus(market, countsFrom, fixture, VOID_AFTER_START);
            if (fraction == WON) fraction = Outcomes.byResult(market, outcome, fixture);
            if (outcome < 3 && !Markets.inPlay(market)) {
                entry.setFraction(outcome, fraction);
            }
        }
    }

    /// @dev Takes what the settled singles release from the exposures of the markets that were
    /// read last, and from what is owed and locked. The fixture's sum is not updated: it only
    /// serves the cap at placing, which is over.
    ///
    /// A market that is not locked gross is decided for all its bets at once. When the first of
    /// them is settled, the market is marked: from then on its bets are owed what they pay, and
    /// nothing is locked. So the order in which they are settled moves nobody's money: neither
    /// what is free nor the price of a share.
    function _release(Ledger storage ledger, SettlingState memory state, Book memory book) private {
        uint256 owedMore;
        uint256 owedLess;
        uint256 lockedMore;
        uint256 lockedLess;
        // Cannot overflow: these are sums of fewer than 256 amounts of less than 60 bits.
        unchecked {
            SettlingMarket entry = SettlingMarket.wrap(state.markets);
            for (uint256 i; i < state.marketCount; ++i) {
                uint256 released = entry.released();
                if (released != 0) {
                    uint256 slot = StorageSlots.slotOf(ledger.exposures, entry.market());
                    uint256 exposure = StorageSlots.read(slot);
                    // No field borrows from the next: each is the sum of the same open bets'
                    // parts.
                    uint256 remaining = exposure - released;
                    uint256 mode = Markets.mode(entry.market());
                    if (mode == Markets.GROSS) {
                        owedLess += released >> 192;
                        lockedMore += Markets.locked(mode, remaining);
                        lockedLess += Markets.locked(mode, exposure);
                    } else if (Markets.isMarked(exposure)) {
                        owedMore += _owedBy(entry, remaining);
                        owedLess += _owedBy(entry, exposure);
                        if (remaining == Markets.MARKED) remaining = 0;
                    } else {
                        owedLess += Markets.stakes(exposure);
                        lockedLess += Markets.locked(mode, exposure);
                        if (remaining != 0) {
                            owedMore += _owedBy(entry, remaining);
                            remaining |= Markets.MARKED;
                        }
                    }
                    StorageSlots.write(slot, remaining);
                }
                entry = entry.next();
            }
        }
        book.owed = Money.fit(uint256(book.owed) + owedMore - owedLess);
        book.locked = Money.fit(uint256(book.locked) + lockedMore - lockedLess);
    }

    /// @dev What the open bets of a decided market are paid, rounded up: in halves, or all void.
    function _owedBy(SettlingMarket entry, uint256 exposure) private pure returns (uint256 owed) {
        unchecked {
            Fraction first = entry.fraction(0);
            if (first == VOID) return Markets.stakes(exposure);
            if (first == HALF_WON) {
                return (Markets.payouts(exposure, 0) + Markets.stakes(exposure) + 1) >> 1;
            }
            if (first == HALF_LOST) {
                return (Markets.payouts(exposure, 1) + Markets.stakes(exposure) + 1) >> 1;
            }
            for (uint256 i; i < 3; ++i) {
                if (entry.fraction(i) == WON) owed += Markets.payouts(exposure, i);
            }
        }
    }

    // -- Cashing out

    /// @dev The whole price counts, not only what is above the stake: to give a losing bet's stake
    /// back costs the house as much.
    function _spendCashOut(Ledger storage ledger, address signer, uint256 price) private {
        Key key = ledger.keys[signer];
        if (!key.isActive(Keys.CASH_OUTS)) revert ISportsbook.CashOutUnsigned(signer);
        ledger.keys[signer] = key.spend(price);
    }

    function _checkOffer(
        SettlingState memory state,
        uint256 head,
        ISportsbook.CashOut calldata offer
    ) private view {
        if (block.timestamp > offer.deadline || block.timestamp < offer.offeredAt) {
            revert ISportsbook.CashOutExpired(offer.deadline);
        }
        uint256 openFrom =
            state.base + Records.acceptedAfter(head) + ISportsbook(address(this)).CASH_OUT_AGE();
        if (block.timestamp < openFrom) revert ISportsbook.CashOutTooEarly(openFrom);
        uint256 legs = Records.legCount(head);
        for (uint256 i; i < legs; ++i) {
            (uint256 index,,) = Records.leg(state.recordAt, i);
            uint256 market = SettlingMarkets.at(state.markets, index).market();
            _checkOfferedLeg(market, offer.offeredAt, legs == 1);
        }
        uint256 stake = Records.stake(head);
        if (offer.stake == 0 || offer.stake > stake) {
            revert ISportsbook.CashOutStakeInvalid(offer.stake, stake);
        }
        uint256 limit = _maxPayout(state.recordAt, head, offer.stake);
        if (offer.price > limit) revert ISportsbook.CashOutTooHigh(offer.price, limit);
    }

    /// @dev An offer ends with whatever its price could not know: the start of a match that had
    /// not started, and a result that was not published.
    /// For a single, that is all that its price could have been made for.
    function _checkOfferedLeg(uint256 market, uint256 offeredAt, bool single) private view {
        unchecked {
            uint256 startsAt = Markets.startsAt(market);
            Fixture fixture = ledger_.fixtures[market >> 128];
            bool decided = fixture.status() != 0 || block.timestamp > startsAt + VOID_AFTER_START;
            if (
                (offeredAt < startsAt && block.timestamp >= startsAt)
                    || (decided && (single || fixture.publishedAt() >= offeredAt))
            ) revert ISportsbook.CashOutOutdated(Markets.fixture(market));
        }
    }

    /// @dev Proves that a run is one open bet. Its list must not have unused markets: a remaining
    /// bet keeps the list, and they would make it more expensive to settle.
    function _readOpenBet(SettlingState memory state, ISportsbook.Run calldata run)
        private
        view
        returns (uint256 head)
    {
        Batch batch = ledger_.batches[run.batch];
        state.settledBefore = batch.isTouched() ? ledger_.settledBits[run.batch] : 0;
        if (!batch.exists() || (state.settledBefore >> run.first) & 1 != 0) {
            revert ISportsbook.BetNotOpen(run.batch, run.first);
        }
        _readMarkets(state, run.markets, run.batch);
        _readRun(state, run, run.markets, batch);
        head = Calldata.word(state.recordAt);
        if (Records.size(head) != run.records.length) {
            revert ISportsbook.RunNotOfBatch(run.batch);
        }
        if (state.marketCount > Records.legCount(head)) {
            revert ISportsbook.MarketsUnused(state.marketCount, Records.legCount(head));
        }
    }

    /// @dev Ends a bet, or a part of it, for a price that its account was credited with: marks it
    /// settled and takes the price from the pool. If a part of the stake remains, it becomes the
    /// one bet of a new batch.
    /// @param reserve What must stay free of the house's money, unless it was not free before.
    /// @return next Number of that batch; 0 for none.
    /// @return rest Its stake.
    function _endBet(
        SettlingState memory state,
        uint256 head,
        ISportsbook.Run calldata run,
        ISportsbook.CashOut memory offer,
        uint256 reserve
    ) private returns (uint256 next, uint64 rest) {
        Ledger storage ledger = ledger_;
        _markSettled(
            ledger, run.batch, ledger.batches[run.batch], state.settledBefore | (1 << run.first)
        );
        Book memory book = ledger.book;
        uint256 freeBefore = uint256(book.pool) - book.owed - book.locked;
        rest = uint64(Records.stake(head)) - offer.stake;
        (uint256 before, uint256 after_) = _updateLocked(ledger, state, state.recordAt, head, rest);
        book.locked = Money.fit(uint256(book.locked) + after_ - before);
        if (Records.legCount(head) != 1) {
            book.accumulators = Money.fit(uint256(book.accumulators) + after_ - before);
        }
        book.owed = Money.sub(book.owed, offer.stake);
        uint256 owed = uint256(book.owed) + book.locked + offer.price;
        if (reserve > freeBefore) reserve = freeBefore;
        if (book.pool < owed + reserve) {
            revert ISportsbook.BankrollLocked(book.pool, owed + reserve);
        }
        book.pool = Money.sub(book.pool, offer.price);
        if (rest != 0) {
            next = ++book.batchCount;
            uint256 headOfRest =
                (head & ~(uint256(type(uint64).max) << 136)) | (uint256(rest) << 136);
            ledger.batches[next] = _commitRemainder(state, run, headOfRest);
        }
        ledger.book = book;
    }

    /// @dev The commitment to the batch of the remaining bet: its record is the run's with another
    /// head.
    function _commitRemainder(
        SettlingState memory state,
        ISportsbook.Run calldata run,
        uint256 head
    ) private pure returns (Batch) {
        bytes32 leaf = _leafHash(state, state.recordAt, head, _reserve(32 * MAX_LEGS + 32));
        bytes memory whole =
            bytes.concat(bytes1(uint8(state.marketCount)), run.markets, run.records);
        uint256 at = 1 + run.markets.length;
        assembly ("memory-safe") {
            // [place,place+0x12): the head. The 14 bytes after it are kept.
            let place := add(add(whole, 32), at)
            let kept := shr(144, shl(144, mload(place)))
            mstore(place, or(shl(112, shr(112, head)), kept))
        }
        return Batches.commit(keccak256(whole), leaf, 1);
    }

    /// @dev Reduces what a bet locks to what its remaining stake locks.
    /// @return What the bet's market locked before, or the bet itself if it is an accumulator.
    /// @return What it locks now.
    function _updateLocked(
        Ledger storage ledger,
        SettlingState memory state,
        uint256 at,
        uint256 head,
        uint256 rest
    ) private returns (uint256, uint256) {
        unchecked {
            uint256 stake = Records.stake(head);
            uint256 maxPayout = _maxPayout(at, head, stake);
            uint256 maxPayoutOfRest = _maxPayout(at, head, rest);
            // Odds are above 1, so that no payout is below its stake.
            if (Records.legCount(head) != 1) return (maxPayout - stake, maxPayoutOfRest - rest);
            (uint256 index, uint256 outcome,) = Records.leg(at, 0);
            uint256 market = SettlingMarkets.at(state.markets, index).market();
            uint256 mode = Markets.mode(market);
            uint256 exposure = ledger.exposures[market];
            uint256 before = Markets.locked(mode, exposure);
            exposure = exposure - Markets.exposureOf(outcome, maxPayout, stake)
                + Markets.exposureOf(outcome, maxPayoutOfRest, rest);
            uint256 after_ = Markets.locked(mode, exposure);
            ledger.exposures[market] = exposure;
            Fixture fixture = ledger.fixtures[market >> 128];
            ledger.fixtures[market >> 128] =
                fixture.setLocked(Fixtures.replaceInSum(fixture.locked(), before, after_));
            return (before, after_);
        }
    }

    // -- Runs

    /// @dev Reads a run's list of markets. Runs after it that have no list refer to the same one.
    function _readMarkets(SettlingState memory state, bytes calldata markets, uint256 batch)
        private
        pure
    {
        unchecked {
            uint256 count = (markets.length - BASE_SIZE) / Markets.PACKED_SIZE;
            // A length below BASE_SIZE wraps, and is refused here as well.
            if (count >= MAX_BETS || BASE_SIZE + Markets.PACKED_SIZE * count != markets.length) {
                revert ISportsbook.RunNotOfBatch(batch);
            }
            state.marketCount = count;
            state.markets = SettlingMarkets.reserve(count);
            uint256 at = Calldata.start(markets) + BASE_SIZE;
            SettlingMarket entry = SettlingMarket.wrap(state.markets);
            for (uint256 i; i < count; ++i) {
                entry.setMarket((Calldata.word(at) >> 48) << 48);
                entry = entry.next();
                at += Markets.PACKED_SIZE;
            }
        }
    }

    /// @dev Proves that the batch contains the bets of the run, and sets the state to its start.
    function _readRun(
        SettlingState memory state,
        ISportsbook.Run calldata run,
        bytes calldata markets,
        Batch batch
    ) private pure {
        unchecked {
            state.betCount = batch.bets();
            state.base = Calldata.word(Calldata.start(markets)) >> 216;
            state.recordAt = Calldata.start(run.records);
            state.recordsEnd = state.recordAt + run.records.length;
            state.betIndex = run.first;
            // A batch of one bet is proven as a part: its list may hold markets of slips that were
            // left out, which a cash-out does not accept.
            Batch proven = run.proof.length == 1 && state.betCount != 1
                ? _proveWhole(state, run, markets)
                : _provePart(state, run);
            if (Batch.unwrap(proven) != Batch.unwrap(batch.placed())) {
                revert ISportsbook.RunNotOfBatch(run.batch);
            }
        }
    }

    /// @dev Proves all bets of a batch: markets and records must be those of its event. The proof
    /// is the root of the Merkle tree.
    function _proveWhole(
        SettlingState memory state,
        ISportsbook.Run calldata run,
        bytes calldata markets
    ) private pure returns (Batch) {
        if (run.first != 0) revert ISportsbook.ProofInvalid();
        // It must have a list of its own: with the list of another run, the hash would not say
        // where markets end and records begin.
        if (markets.length == BASE_SIZE) revert ISportsbook.RunNotOfBatch(run.batch);
        state.runBets = state.betCount;
        return Batches.commit(
            _wholeHash(state.marketCount, markets, run.records), run.proof[0], state.betCount
        );
    }

    /// @dev As Batches.wholeHash, in memory beyond the free pointer, which stays free.
    function _wholeHash(uint256 count, bytes calldata markets, bytes calldata records)
        private
        pure
        returns (bytes32 hash)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            // [free,free+0x01), then the markets, then the records
            mstore8(free, count)
            let to := add(free, 1)
            calldatacopy(to, markets.offset, markets.length)
            calldatacopy(add(to, markets.length), records.offset, records.length)
            hash := keccak256(free, add(1, add(markets.length, records.length)))
        }
    }

    /// @dev Proves some bets of a batch. The proof is the hash of the whole batch, then the
    /// neighbours in the Merkle tree.
    function _provePart(SettlingState memory state, ISportsbook.Run calldata run)
        private
        pure
        returns (Batch)
    {
        if (run.proof.length == 0) revert ISportsbook.ProofInvalid();
        uint256 leaves = _writeLeaves(state, run);
        bytes32 root =
            RangeProof.root(leaves, state.runBets, run.first, state.betCount, run.proof[1:]);
        return Batches.commit(run.proof[0], root, state.betCount);
    }

    function _writeLeaves(SettlingState memory state, ISportsbook.Run calldata run)
        private
        pure
        returns (uint256 leaves)
    {
        unchecked {
            // Large enough for the leaves of all records: none is shorter than SINGLE_RECORD_SIZE.
            leaves = _reserve(run.records.length / SINGLE_RECORD_SIZE * 32 + 32);
            uint256 words = _reserve(32 * MAX_LEGS + 32);
            (uint256 at, uint256 next) = (state.recordAt, leaves);
            while (true) {
                (at, next) = SettlingFastPath.hashLeaves(state, at, next, words);
                if (at >= state.recordsEnd) break;
                uint256 head = Calldata.word(at);
                bytes32 leaf = _leafHash(state, at, head, words);
                assembly ("memory-safe") {
                    // [next,next+0x20)
                    mstore(next, leaf)
                }
                next += 32;
                at += Records.size(head);
            }
            if (at != state.recordsEnd) revert ISportsbook.RunNotOfBatch(run.batch);
            state.runBets = (next - leaves) >> 5;
        }
    }

    function _leafHash(SettlingState memory state, uint256 at, uint256 head, uint256 words)
        private
        pure
        returns (bytes32)
    {
        unchecked {
            uint256 legs = Records.legCount(head);
            if (legs - 1 >= MAX_LEGS) revert ISportsbook.ProofInvalid();
            for (uint256 i; i < legs; ++i) {
                uint256 leg = Calldata.word(at + Records.HEAD_SIZE + Records.LEG_SIZE * i);
                if (leg >> 248 >= state.marketCount) revert ISportsbook.ProofInvalid();
                uint256 word =
                    Records.legWord(SettlingMarkets.at(state.markets, leg >> 248).market(), leg);
                assembly ("memory-safe") {
                    // The leg's word after `words`
                    mstore(add(words, shl(5, i)), word)
                }
            }
            return Records.leafHash(words, head, legs, state.base);
        }
    }

    /// @dev Marks bets as settled. When all are, the batch's slots are cleared.
    function _markSettled(Ledger storage ledger, uint256 id, Batch batch, uint256 bits) private {
        if (bits == type(uint256).max >> (MAX_BETS - batch.bets())) {
            ledger.batches[id] = Batch.wrap(0);
            if (batch.isTouched()) delete ledger.settledBits[id];
        } else {
            ledger.settledBits[id] = bits;
            if (!batch.isTouched()) ledger.batches[id] = batch.touched();
        }
    }

    /// @dev What a bet pays if every leg wins.
    function _maxPayout(uint256 at, uint256 head, uint256 stake)
        private
        pure
        returns (uint256 maxPayout)
    {
        unchecked {
            uint256 legs = Records.legCount(head);
            uint256 scale = 1;
            maxPayout = stake;
            for (uint256 i; i < legs; ++i) {
                (,, uint256 odds) = Records.leg(at, i);
                maxPayout *= odds;
                scale *= ODDS_ONE;
            }
            maxPayout /= scale;
        }
    }

    /// @dev In assembly: `emit` would copy the payouts once more.
    function _emitBatchSettled(SettlingState memory state, uint256 batch, uint256 settled) private {
        bytes32 topic = ISportsbook.BatchSettled.selector;
        (uint256 data, uint256 out) = (state.eventStart, state.payoutAt);
        assembly ("memory-safe") {
            let size := sub(sub(out, data), EVENT_HEAD_SIZE)
            // [data,data+0x60)
            mstore(data, settled)
            mstore(add(data, 32), 64)
            mstore(add(data, 64), size)
            // [out,out+0x20): zeros, some of which pad the payouts to whole words
            mstore(out, 0)
            log2(data, add(EVENT_HEAD_SIZE, and(add(size, 31), not(31))), topic, batch)
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
