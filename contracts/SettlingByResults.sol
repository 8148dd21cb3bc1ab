// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Batch} from "./libraries/Batches.sol";
import {Calldata} from "./libraries/Calldata.sol";
import {Fixture} from "./libraries/Fixtures.sol";
import {Fraction, HALF_LOST, HALF_WON, LOST, UNKNOWN, VOID, WON} from "./libraries/Fractions.sol";
import {Book, Ledger, VOID_AFTER_START} from "./libraries/Ledger.sol";
import {
    EXPOSURE_MARKED_BITS,
    EXPOSURE_STAKES_SHIFT,
    MODE_GROSS,
    Markets
} from "./libraries/Markets.sol";
import {Memory} from "./libraries/Memory.sol";
import {Money} from "./libraries/Money.sol";
import {Outcomes} from "./libraries/Outcomes.sol";
import {MAX_BETS, ODDS_ONE} from "./libraries/Protocol.sol";
import {Records} from "./libraries/Records.sol";
import {SETTLED_EVENT_PAYOUTS, SettledEvent} from "./libraries/SettledEvent.sol";
import {SettlingFastPath} from "./libraries/SettlingFastPath.sol";
import {
    FATE_LOST,
    FATE_WON,
    SettlingMarket,
    SettlingMarkets
} from "./libraries/SettlingMarkets.sol";
import {SettlingState} from "./libraries/SettlingState.sol";
import {StorageSlots} from "./libraries/StorageSlots.sol";
import {RUN_BASE_SIZE, SettlingRuns} from "./SettlingRuns.sol";

/// @title SettlingByResults
/// @notice Settles bets by the results of their fixtures: credits what they pay, and frees what
/// they locked of the bankroll.
/// @dev A part of `Settling`. `SettlingFastPath` settles plain bets; `_settleBet` is the slow path,
/// which settles every bet. tests/contracts/test_random_slips.py compares both with a model.
abstract contract SettlingByResults is SettlingRuns {
    /// @dev Legs whose payout factors can be multiplied within one word, whatever their fractions.
    uint256 private constant LEGS_PER_WORD = 6;
    /// @dev Outcomes of a market whose fractions its entry has words for.
    uint256 private constant CACHED_OUTCOMES = 3;

    /// @notice See ISportsbook.settle.
    function settle(ISportsbook.Run[] calldata runs) external {
        // Check and effect, run by run: the bets that a result decides are paid and marked. Bets
        // that are settled or not decided are passed over.
        Book memory book = ledger_.book;
        SettlingState memory state;
        uint256 settledAny;
        for (uint256 i; i < runs.length; ++i) {
            ISportsbook.Run calldata run = runs[i];
            bytes calldata markets = run.markets;
            if (markets.length != RUN_BASE_SIZE) {
                _release(ledger_, state, book);
                _readMarkets(state, markets, run.batch);
                _cacheFractions(ledger_, state);
            }
            settledAny |= _settleRun(ledger_, state, run, markets);
        }
        // Check
        if (settledAny == 0) revert ISportsbook.NothingToSettle();

        // Effect
        _release(ledger_, state, book);
        book.locked = Money.sub(book.locked, state.accumulatorsLocked);
        book.accumulators = Money.sub(book.accumulators, state.accumulatorsLocked);
        book.owed = Money.sub(book.owed, state.stakes);
        book.pool = Money.sub(book.pool, state.paidOut);
        ledger_.book = book;
    }

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
        SettledEvent.emitSettled(state, run.batch, settled);
    }

    /// @dev Settles the decided bets of the run in one pass, and writes the event's payouts. The
    /// fast path goes first, and again after each bet that it leaves to the slow path.
    /// @param fresh Whether no bet of the run was settled before.
    function _settleBets(Ledger storage ledger, SettlingState memory state, bool fresh) private {
        unchecked {
            // Large enough: a record is longer than the payout of its bet.
            state.eventStart =
                Memory.reserve(state.recordsEnd - state.recordAt + SettledEvent.OVERHEAD);
            state.payoutAt = state.eventStart + SETTLED_EVENT_PAYOUTS;
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
                    Fixture fixture = ledger.fixtures[Markets.fixtureId(market)];
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

    /// @dev Caches a fraction, and for the fast path whether it is a win or a loss.
    function _cacheFraction(SettlingMarket entry, uint256 outcome, Fraction fraction) private pure {
        entry.setFraction(outcome, fraction);
        if (fraction == WON) entry.setFate(outcome, FATE_WON);
        else if (fraction == LOST) entry.setFate(outcome, FATE_LOST);
    }

    /// @dev Credits a payout to its account, and appends it to the event. `SettlingFastPath.settle`
    /// does so itself for plain bets.
    function _credit(
        Ledger storage ledger,
        SettlingState memory state,
        uint256 account,
        uint256 payout
    ) private {
        unchecked {
            state.paidOut += payout;
            ledger.accounts[account] = ledger.accounts[account].credit(payout);
            SettledEvent.append(state, payout);
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

    /// @dev The slow path, for any bet. `SettlingFastPath.settle` decides the same of a plain bet.
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

    /// @dev Adds the bet's exposure to what its market releases, as `SettlingFastPath.settle` does.
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

    /// @dev Lost with its first lost leg; otherwise it waits until all its legs are decided.
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
            if (outcome < CACHED_OUTCOMES) fraction = entry.fraction(outcome);
            if (!(fraction == UNKNOWN)) return fraction;
            uint256 market = entry.market();
            Fixture fixture = ledger.fixtures[Markets.fixtureId(market)];
            uint256 countsFrom = Markets.inPlay(market)
                ? base + Records.acceptedAfter(head)
                : Markets.startsAt(market);
            fraction = Outcomes.marketStatus(market, countsFrom, fixture, VOID_AFTER_START);
            if (fraction == WON) fraction = Outcomes.byResult(market, outcome, fixture);
            if (outcome < CACHED_OUTCOMES && !Markets.inPlay(market)) {
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
                    if (mode == MODE_GROSS) {
                        owedLess += released >> EXPOSURE_STAKES_SHIFT;
                        lockedMore += Markets.locked(mode, remaining);
                        lockedLess += Markets.locked(mode, exposure);
                    } else if (Markets.isMarked(exposure)) {
                        owedMore += _owedBy(entry, remaining);
                        owedLess += _owedBy(entry, exposure);
                        if (remaining == EXPOSURE_MARKED_BITS) remaining = 0;
                    } else {
                        owedLess += Markets.stakes(exposure);
                        lockedLess += Markets.locked(mode, exposure);
                        if (remaining != 0) {
                            owedMore += _owedBy(entry, remaining);
                            remaining |= EXPOSURE_MARKED_BITS;
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
}
