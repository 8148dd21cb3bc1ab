// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// The linter does not look into assembly, where one of these is used.
// solhint-disable no-unused-import

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Account} from "./libraries/Accounts.sol";
import {Batch, Batches} from "./libraries/Batches.sol";
import {Calldata} from "./libraries/Calldata.sol";
import {Fixture, Fixtures} from "./libraries/Fixtures.sol";
import {Key, Keys} from "./libraries/Keys.sol";
import {Book, Ledger, VOID_AFTER_START} from "./libraries/Ledger.sol";
import {Markets} from "./libraries/Markets.sol";
import {Memory} from "./libraries/Memory.sol";
import {Money} from "./libraries/Money.sol";
import {MAX_LEGS} from "./libraries/Protocol.sol";
import {RECORD_LEG_COUNT_SHIFT, Records} from "./libraries/Records.sol";
import {SettlingMarkets} from "./libraries/SettlingMarkets.sol";
import {SettlingState} from "./libraries/SettlingState.sol";
import {Signature, Signatures} from "./libraries/Signatures.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {SettlingRuns} from "./SettlingRuns.sol";

/// @title SettlingEarly
/// @notice Ends a bet, or a part of it, before its result: cashes it out at a price that house and
/// bettor signed, or returns its stake because a receipt says that another bet counts instead.
/// @dev A part of `Settling`. What remains of a bet becomes the one bet of a new batch.
abstract contract SettlingEarly is SettlingRuns, EIP712 {
    /// @dev Bits of a record's head of 18 bytes.
    uint256 private constant RECORD_HEAD_BITS = 144;

    /// @notice See ISportsbook.cashOut.
    function cashOut(
        ISportsbook.Run calldata run,
        ISportsbook.CashOut calldata offer,
        Signature calldata house,
        bytes calldata bettor
    ) external {
        // Check. A wallet that is a contract is asked by a call that cannot change anything.
        SettlingState memory state;
        uint256 head = _readOpenBet(state, run);
        _checkOffer(state, head, offer);
        bytes32 digest = _hashTypedDataV4(
            TypedData.cashOutHash(Records.account(head), run.batch, run.first, offer)
        );
        address signer = Signatures.recover(digest, house.r, house.vs);
        Key key = ledger_.keys[signer];
        if (!key.isActive(Keys.CASH_OUTS)) revert ISportsbook.CashOutUnsigned(signer);
        Account account = ledger_.accounts[Records.account(head)];
        if (!Signatures.isValid(account.owner(), digest, bettor)) {
            revert ISportsbook.CashOutUnsigned(account.owner());
        }

        // Effect. The whole price counts against the key's budget, not only what is above the
        // stake: to give a losing bet's stake back costs the house as much. So does what the other
        // bets of the market lock more without this one: bets that covered each other when they
        // were placed used no other budget.
        ledger_.accounts[Records.account(head)] = account.credit(offer.price);
        uint256 kept = _reserveNow();
        (uint256 next, uint64 rest, uint256 raised) = _endBet(state, head, run, offer);
        ledger_.keys[signer] = key.spend(offer.price + raised);
        _checkFree(kept, offer.price);
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
        // Check
        SettlingState memory state;
        head = _readOpenBet(state, run);
        // Nobody else: the receipts' key could make a bet worse, or void.
        address owner = ledger_.accounts[Records.account(head)].owner();
        if (msg.sender != owner) {
            revert ISportsbook.NotOwnerOf(uint32(Records.account(head)), msg.sender);
        }
        // The second half takes no receipt that is older than RECEIPT_WINDOW, or that is not older
        // than a published result of the bet's fixtures. DISPUTE_WINDOW is not shorter, so none
        // of these results is final: no market is marked, and what the bet is owed is its stake.

        // Effect
        uint256 stake = Records.stake(head);
        ISportsbook.CashOut memory refund;
        (refund.stake, refund.price) = (uint64(stake), uint64(stake));
        ledger_.accounts[Records.account(head)] =
            ledger_.accounts[Records.account(head)].credit(stake);
        // The second half checks what is free.
        _endBet(state, head, run, refund);
        emit ISportsbook.BetReplaced(run.batch, run.first, run.markets, run.records);

        // What it was, for the second half
        state.base += Records.acceptedAfter(head);
        uint256 words = Memory.reserve(32 * MAX_LEGS + 32);
        terms = _leafHash(state, state.recordAt, Records.withoutAcceptance(head), words);
        picks = Records.picksHash(words, Records.legCount(head));
    }

    /// @dev Reverts unless the offer may end the bet now, for its price. Signatures are checked
    /// after.
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

    /// @dev An offer ends with whatever its price could not know: the start of a match that had not
    /// started, a result that was not published or not final, and the end of the time within which
    /// a missing result could still be published. For a single, a result is all that its price
    /// could have been made for.
    function _checkOfferedLeg(uint256 market, uint256 offeredAt, bool single) private view {
        unchecked {
            uint256 startsAt = Markets.startsAt(market);
            Fixture fixture = ledger_.fixtures[Markets.fixtureId(market)];
            uint256 voidFrom = startsAt + VOID_AFTER_START + 1;
            bool outdated = _passedSince(offeredAt, startsAt);
            if (fixture.status() != 0 && fixture.publishedAt() < voidFrom) {
                // It can still be replaced by another until it is final.
                outdated = outdated || single || offeredAt < fixture.finalAt();
            } else {
                // A result that is published later decides nothing.
                outdated = outdated || _passedSince(single ? 0 : offeredAt, voidFrom);
            }
            if (outdated) revert ISportsbook.CashOutOutdated(Markets.fixture(market));
        }
    }

    /// @dev Whether a time has come after another one.
    function _passedSince(uint256 since, uint256 time) private view returns (bool) {
        return since < time && time <= block.timestamp;
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
    /// @return next Number of that batch; 0 for none.
    /// @return rest Its stake.
    /// @return raised What the bet's market locks more than before, or 0.
    function _endBet(
        SettlingState memory state,
        uint256 head,
        ISportsbook.Run calldata run,
        ISportsbook.CashOut memory offer
    ) private returns (uint256 next, uint64 rest, uint256 raised) {
        Ledger storage ledger = ledger_;
        _markSettled(
            ledger, run.batch, ledger.batches[run.batch], state.settledBefore | (1 << run.first)
        );
        Book memory book = ledger.book;
        rest = uint64(Records.stake(head)) - offer.stake;
        (uint256 before, uint256 after_) = _updateLocked(ledger, state, state.recordAt, head, rest);
        if (after_ > before) raised = after_ - before;
        book.locked = Money.fit(uint256(book.locked) + after_ - before);
        if (Records.legCount(head) != 1) {
            book.accumulators = Money.fit(uint256(book.accumulators) + after_ - before);
        }
        book.owed = Money.sub(book.owed, offer.stake);
        book.pool = Money.sub(book.pool, offer.price);
        if (rest != 0) {
            next = ++book.batchCount;
            ledger.batches[next] = _commitRemainder(state, run, Records.withStake(head, rest));
        }
        ledger.book = book;
    }

    /// @dev What must stay free of the house's money: the reserve, or what is free of it now.
    function _reserveNow() private view returns (uint256) {
        Book memory book = ledger_.book;
        uint256 free = uint256(book.pool) - book.owed - book.locked;
        uint256 reserve = ledger_.caps.reserve;
        return free < reserve ? free : reserve;
    }

    /// @dev Reverts unless the pool, from which a price was paid, still has what is owed, what open
    /// bets could cost, and what is kept.
    function _checkFree(uint256 kept, uint256 price) private view {
        Book memory book = ledger_.book;
        uint256 least = uint256(book.owed) + book.locked + kept;
        if (book.pool < least) {
            revert ISportsbook.BankrollLocked(book.pool + price, least + price);
        }
    }

    /// @dev The commitment to the batch of the remaining bet: its record is the run's with another
    /// head.
    function _commitRemainder(
        SettlingState memory state,
        ISportsbook.Run calldata run,
        uint256 head
    ) private pure returns (Batch) {
        bytes32 leaf = _leafHash(state, state.recordAt, head, Memory.reserve(32 * MAX_LEGS + 32));
        bytes memory whole =
            bytes.concat(bytes1(uint8(state.marketCount)), run.markets, run.records);
        uint256 at = 1 + run.markets.length;
        assembly ("memory-safe") {
            // [place,place+0x12): the head. The 14 bytes after it are kept.
            let place := add(add(whole, 32), at)
            let kept := shr(RECORD_HEAD_BITS, shl(RECORD_HEAD_BITS, mload(place)))
            head := shl(RECORD_LEG_COUNT_SHIFT, shr(RECORD_LEG_COUNT_SHIFT, head))
            mstore(place, or(head, kept))
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
            Fixture fixture = ledger.fixtures[Markets.fixtureId(market)];
            ledger.fixtures[Markets.fixtureId(market)] =
                fixture.setLocked(Fixtures.replaceInSum(fixture.locked(), before, after_));
            return (before, after_);
        }
    }
}
