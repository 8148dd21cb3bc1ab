// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ISportsbook} from "./interfaces/ISportsbook.sol";
import {Account} from "./libraries/Accounts.sol";
import {Batch, Batches} from "./libraries/Batches.sol";
import {Fixture, Fixtures} from "./libraries/Fixtures.sol";
import {Book, Ledger, LedgerHolder, VOID_AFTER_START} from "./libraries/Ledger.sol";
import {Line, Lines} from "./libraries/Lines.sol";
import {Markets} from "./libraries/Markets.sol";
import {Fraction, LOST, UNKNOWN, WON} from "./libraries/Fractions.sol";
import {Outcomes} from "./libraries/Outcomes.sol";
import {Packed} from "./libraries/Packed.sol";
import {PlainBets} from "./libraries/PlainBets.sol";
import {RangeProof} from "./libraries/RangeProof.sol";
import {Signature, Signatures} from "./libraries/Signatures.sol";
import {Slots} from "./libraries/Slots.sol";
import {PAYOUT_SIZE, PLAIN_LOST, PLAIN_WON, Till} from "./libraries/Till.sol";
import {TypedData} from "./libraries/TypedData.sol";

/// @title Settling
/// @notice Takes bets out of the ledger: settled by a result, or cashed out at a price that house and
/// bettor signed. Code of the sportsbook that stands at an address of its own and works on the
/// sportsbook's storage; called by anybody else it finds no bets.
contract Settling is LedgerHolder, EIP712 {
    uint256 private constant ODDS_ONE = 1e4;
    uint256 private constant MAX_BETS = 256;
    uint256 private constant MAX_LEGS = 12;
    /// @dev Legs whose factors, multiplied, fit one word whatever their parts.
    uint256 private constant HALF_OF_LEGS = 6;
    /// @dev Bytes of a record of one leg.
    uint256 private constant PLAIN_SIZE = 24;
    /// @dev Bytes of the time before a run's markets.
    uint256 private constant BASE_SIZE = 5;
    /// @dev Bytes before the event's payouts, and with room for the padding behind them.
    uint256 private constant EVENT_HEAD = 96;
    uint256 private constant EVENT_ROOM = 160;

    constructor() EIP712("Fairline", "1") {}

    /// @notice See ISportsbook.settle.
    function settle(ISportsbook.Run[] calldata runs) external {
        Book memory book = ledger_.book;
        Till memory till;
        uint256 any;
        for (uint256 i; i < runs.length; ++i) {
            ISportsbook.Run calldata run = runs[i];
            bytes calldata markets = run.markets;
            if (markets.length != BASE_SIZE) {
                _release(ledger_, till, book);
                _readMarkets(till, markets, run.batch);
                _learn(ledger_, till);
            }
            any |= _settle(ledger_, till, run, markets);
        }
        if (any == 0) revert ISportsbook.NothingToSettle();
        _release(ledger_, till, book);
        unchecked {
            book.locked -= uint64(till.accumulatorsLocked);
            book.openStakes -= uint64(till.stakes);
            book.pool -= uint64(till.paid);
        }
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
        Batch batch = ledger.batches[run.batch];
        uint256 bits = batch.isTouched() ? ledger.settledBits[run.batch] : 0;
        if (!batch.exists() || (bits >> run.first) & 1 != 0) {
            revert ISportsbook.BetNotOpen(run.batch, run.first);
        }
        Till memory till;
        _readMarkets(till, run.markets, run.batch);
        _readRun(till, run, run.markets, batch);
        uint256 at = till.at;
        uint256 head = Packed.word(at);
        if (Packed.recordSize(head) != run.records.length) {
            revert ISportsbook.RunNotOfBatch(run.batch);
        }
        // What is left of the bet takes over the markets, and must not be made dear to settle.
        if (till.markets > Packed.legCount(head)) {
            revert ISportsbook.MarketsUnused(till.markets, Packed.legCount(head));
        }
        _checkOffer(at, head, offer);
        bytes32 digest = _hashTypedDataV4(
            TypedData.cashOutHash(Packed.account(head), run.batch, run.first, offer)
        );
        address signer = Signatures.recover(digest, house.r, house.vs);
        if (ledger.signers[signer] <= block.timestamp) revert ISportsbook.CashOutUnsigned(signer);
        Account account = ledger.accounts[Packed.account(head)];
        if (!Signatures.isValid(
                account.owner(),
                digest,
                Packed.start(bettor),
                bettor.length == 64 ? 0 : bettor.length
            )) revert ISportsbook.CashOutUnsigned(account.owner());

        ledger.accounts[Packed.account(head)] = account.credit(offer.price);
        _mark(ledger, run.batch, batch, bits | (1 << run.first));
        _reduce(ledger, till, at, head, run, offer);
    }

    // -- Settling by results

    /// @return settled Bits of the bets that this run settled.
    function _settle(
        Ledger storage ledger,
        Till memory till,
        ISportsbook.Run calldata run,
        bytes calldata markets
    ) private returns (uint256 settled) {
        Batch batch = ledger.batches[run.batch];
        if (!batch.exists()) return 0;
        _readRun(till, run, markets, batch);
        till.settled = 0;
        till.bits = batch.isTouched() ? ledger.settledBits[run.batch] : 0;
        _settleBets(ledger, till, (till.bits >> run.first) << (MAX_BETS - till.count) == 0);
        settled = till.settled;
        if (settled == 0) return 0;
        _mark(ledger, run.batch, batch, till.bits | settled);
        _emit(till, run.batch, settled);
    }

    /// @dev Walks the run once: settles what is decided, and packs the payouts.
    /// @param fresh No bet of the run was settled before.
    function _settleBets(Ledger storage ledger, Till memory till, bool fresh) private {
        unchecked {
            // A record is longer than a payout's entry.
            till.payouts = _reserve(till.end - till.at + EVENT_ROOM);
            till.out = till.payouts + EVENT_HEAD;
            uint256 behind = till.bet + till.count;
            if (fresh) PlainBets.settle(ledger.accounts, till);
            while (till.at < till.end) {
                uint256 head = Packed.word(till.at);
                (bool decided, uint256 payout) = _settleBet(ledger, till, head);
                if (decided) till.settled |= 1 << till.bet;
                if (payout != 0) _pay(ledger, till, Packed.account(head), payout);
                till.at += Packed.recordSize(head);
                ++till.bet;
                if (fresh) PlainBets.settle(ledger.accounts, till);
            }
            // Whatever was proven was walked once before, by the same numbers of legs.
            assert(till.at == till.end);
            assert(till.bet == behind);
        }
    }

    /// @dev Works out what became of the first three outcomes of each market on a match that is over
    /// and of which all bets share one fate.
    function _learn(Ledger storage ledger, Till memory till) private view {
        unchecked {
            Line line = Line.wrap(till.lines);
            for (uint256 i; i < till.markets; ++i) {
                uint256 market = line.market();
                if (!Markets.inPlay(market) && Markets.kind(market) != Markets.PROPOSITION) {
                    Fixture fixture = ledger.fixtures[market >> 128];
                    Fraction standing = Outcomes.standing(
                        market, Markets.startsAt(market), fixture, VOID_AFTER_START
                    );
                    if (standing == WON) {
                        (int256 home, int256 away) =
                            Outcomes.goals(Markets.period(market), fixture);
                        (uint256 by, int256 value) = Outcomes.verdict(market, home, away);
                        _know(line, 0, Outcomes.under(by, value, 0));
                        _know(line, 1, Outcomes.under(by, value, 1));
                        _know(line, 2, Outcomes.under(by, value, 2));
                    }
                }
                line = line.next();
            }
        }
    }

    function _know(Line line, uint256 outcome, Fraction fraction) private pure {
        line.setKnown(outcome, Fraction.unwrap(fraction));
        if (fraction == WON) line.setPlain(outcome, PLAIN_WON);
        else if (fraction == LOST) line.setPlain(outcome, PLAIN_LOST);
    }

    function _pay(Ledger storage ledger, Till memory till, uint256 account, uint256 payout)
        private
    {
        unchecked {
            till.paid += payout;
            ledger.accounts[account] = ledger.accounts[account].credit(payout);
            (uint256 bet, uint256 out) = (till.bet, till.out);
            assembly ("memory-safe") {
                mstore(out, or(shl(248, bet), shl(184, payout)))
            }
            till.out = out + PAYOUT_SIZE;
        }
    }

    /// @dev What a leg multiplies the stake by: a numerator, and a divisor.
    function _factor(Fraction fraction, uint256 odds) private pure returns (uint256, uint256) {
        unchecked {
            return
                (odds * fraction.win() + ODDS_ONE * fraction.refund(), ODDS_ONE * fraction.parts());
        }
    }

    /// @dev Any bet. A bet of one leg adds to what its market releases.
    function _settleBet(Ledger storage ledger, Till memory till, uint256 head)
        private
        view
        returns (bool decided, uint256 payout)
    {
        unchecked {
            if ((till.bits >> till.bet) & 1 != 0) return (false, 0);
            if (Packed.legCount(head) == 1) return _settleSingle(ledger, till, head);
            return _settleAccumulator(ledger, till, head);
        }
    }

    function _settleSingle(Ledger storage ledger, Till memory till, uint256 head)
        private
        view
        returns (bool decided, uint256 payout)
    {
        unchecked {
            (uint256 index, uint256 outcome, uint256 odds) = Packed.leg(till.at, 0);
            Line line = Lines.at(till.lines, index);
            Fraction fraction = _fraction(ledger, line, outcome, till.base, head);
            if (fraction == UNKNOWN) return (false, 0);
            uint256 stake = Packed.stake(head);
            (uint256 factor, uint256 divisor) = _factor(fraction, odds);
            payout = stake * factor / divisor;
            decided = true;
            line.setExposure(
                line.exposure() + Markets.exposureOf(outcome, stake * odds / ODDS_ONE, stake)
            );
        }
    }

    function _settleAccumulator(Ledger storage ledger, Till memory till, uint256 head)
        private
        view
        returns (bool decided, uint256 payout)
    {
        unchecked {
            uint256 at = till.at;
            uint256 legs = Packed.legCount(head);
            uint256 stake = Packed.stake(head);
            // Bounded like the payout at placing, times 255 for the parts of each leg: six legs
            // fit one word, and so does the divisor of twelve.
            payout = stake;
            uint256 more = 1;
            uint256 one = 1;
            for (uint256 i; i < legs; ++i) {
                (uint256 index, uint256 outcome, uint256 odds) = Packed.leg(at, i);
                Fraction fraction =
                    _fraction(ledger, Lines.at(till.lines, index), outcome, till.base, head);
                if (fraction == UNKNOWN) return (false, 0);
                (uint256 factor, uint256 divisor) = _factor(fraction, odds);
                if (i < HALF_OF_LEGS) payout *= factor;
                else more *= factor;
                one *= divisor;
            }
            payout = more == 1 ? payout / one : Math.mulDiv(payout, more, one);
            decided = true;
            till.stakes += stake;
            till.accumulatorsLocked += _most(at, head, stake) - stake;
        }
    }

    /// @dev Before the match the fraction does not depend on the bet: it is worked out once a run.
    function _fraction(
        Ledger storage ledger,
        Line line,
        uint256 outcome,
        uint256 base,
        uint256 head
    ) private view returns (Fraction fraction) {
        unchecked {
            if (outcome < 3) fraction = Fraction.wrap(line.known(outcome));
            if (!(fraction == UNKNOWN)) return fraction;
            uint256 market = line.market();
            Fixture fixture = ledger.fixtures[market >> 128];
            uint256 countsFrom = Markets.inPlay(market)
                ? base + Packed.acceptedAfter(head)
                : Markets.startsAt(market);
            fraction = Outcomes.standing(market, countsFrom, fixture, VOID_AFTER_START);
            if (fraction == WON) fraction = Outcomes.byResult(market, outcome, fixture);
            if (outcome < 3 && !Markets.inPlay(market)) {
                line.setKnown(outcome, Fraction.unwrap(fraction));
            }
        }
    }

    /// @dev What the bets of the markets that were read last have released. A fixture's sum is left:
    /// with a result, no cap is asked for any more.
    function _release(Ledger storage ledger, Till memory till, Book memory book) private {
        unchecked {
            uint256 locked = book.locked;
            Line line = Line.wrap(till.lines);
            for (uint256 i; i < till.markets; ++i) {
                uint256 released = line.released();
                if (released != 0) {
                    uint256 slot = Slots.slotOf(ledger.exposures, line.market());
                    uint256 exposure = Slots.read(slot);
                    uint256 rest = exposure - released;
                    Slots.write(slot, rest);
                    till.stakes += released >> 192;
                    uint256 mode = Markets.mode(line.market());
                    locked = locked + Markets.locked(mode, rest) - Markets.locked(mode, exposure);
                }
                line = line.next();
            }
            book.locked = uint64(locked);
        }
    }

    // -- Cashing out

    function _checkOffer(uint256 at, uint256 head, ISportsbook.CashOut calldata offer)
        private
        view
    {
        if (block.timestamp > offer.deadline) {
            revert ISportsbook.CashOutExpired(offer.deadline);
        }
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
                ledger.batches[next] = _restOf(till, run, headOfRest);
            }
            ledger.book = book;
            emit ISportsbook.CashedOut(
                run.batch, run.first, offer.price, next, uint64(rest), run.markets, run.records
            );
        }
    }

    /// @dev The batch of the one bet whose record differs from the run's by its head.
    function _restOf(Till memory till, ISportsbook.Run calldata run, uint256 head)
        private
        pure
        returns (Batch)
    {
        bytes32 leaf = _leaf(till, till.at, head, _reserve(32 * MAX_LEGS + 32));
        bytes memory whole = bytes.concat(bytes1(uint8(till.markets)), run.markets, run.records);
        uint256 at = 1 + run.markets.length;
        assembly ("memory-safe") {
            // The head is the record's first 18 bytes; the bytes behind them stay.
            let place := add(add(whole, 32), at)
            let kept := shr(144, shl(144, mload(place)))
            mstore(place, or(shl(112, shr(112, head)), kept))
        }
        return Batches.commit(keccak256(whole), leaf, 1);
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

    /// @dev Reads the markets that a run's records, and those of runs behind it without markets of
    /// their own, refer to.
    function _readMarkets(Till memory till, bytes calldata markets, uint256 batch) private pure {
        unchecked {
            uint256 count = (markets.length - BASE_SIZE) / Packed.MARKET_SIZE;
            // A length below that of the base wraps, and is refused here as well.
            if (count >= MAX_BETS || BASE_SIZE + Packed.MARKET_SIZE * count != markets.length) {
                revert ISportsbook.RunNotOfBatch(batch);
            }
            till.markets = count;
            till.lines = Lines.reserve(count);
            uint256 at = Packed.start(markets) + BASE_SIZE;
            Line line = Line.wrap(till.lines);
            for (uint256 i; i < count; ++i) {
                line.setMarket((Packed.word(at) >> 48) << 48);
                line = line.next();
                at += Packed.MARKET_SIZE;
            }
        }
    }

    /// @dev Proves that batch has the bets of a run.
    function _readRun(
        Till memory till,
        ISportsbook.Run calldata run,
        bytes calldata markets,
        Batch batch
    ) private pure {
        unchecked {
            till.width = batch.bets();
            till.base = Packed.word(Packed.start(markets)) >> 216;
            till.at = Packed.start(run.records);
            till.end = till.at + run.records.length;
            till.bet = run.first;
            // The one bet of a batch is proven by itself: the batch may list markets of slips that
            // were left out, which a cash-out does not take.
            Batch proven = run.proof.length == 1 && till.width != 1
                ? _proveWhole(till, run, markets)
                : _proveRun(till, run);
            if (Batch.unwrap(proven) != Batch.unwrap(batch.placed())) {
                revert ISportsbook.RunNotOfBatch(run.batch);
            }
        }
    }

    /// @dev All bets of a batch at once: markets and records as its event has them, and the root.
    function _proveWhole(
        Till memory till,
        ISportsbook.Run calldata run,
        bytes calldata markets
    ) private pure returns (Batch) {
        if (run.first != 0) revert ISportsbook.ProofInvalid();
        // Its markets are its own: behind the number of another run's, records could begin with
        // what are markets.
        if (markets.length == BASE_SIZE) revert ISportsbook.RunNotOfBatch(run.batch);
        till.count = till.width;
        return Batches.commit(
            _hashOf(till.markets, markets, run.records), run.proof[0], till.width
        );
    }

    /// @dev Hashed in memory that is not taken: copying into new memory costs more.
    function _hashOf(uint256 count, bytes calldata markets, bytes calldata records)
        private
        pure
        returns (bytes32 hash)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, count)
            let to := add(free, 1)
            calldatacopy(to, markets.offset, markets.length)
            calldatacopy(add(to, markets.length), records.offset, records.length)
            hash := keccak256(free, add(1, add(markets.length, records.length)))
        }
    }

    /// @dev Some bets: the hash of the whole, then the neighbours in the Merkle tree.
    function _proveRun(Till memory till, ISportsbook.Run calldata run)
        private
        pure
        returns (Batch)
    {
        if (run.proof.length == 0) revert ISportsbook.ProofInvalid();
        uint256 leaves = _writeLeaves(till, run);
        bytes32 root = RangeProof.root(leaves, till.count, run.first, till.width, run.proof[1:]);
        return Batches.commit(run.proof[0], root, till.width);
    }

    function _writeLeaves(Till memory till, ISportsbook.Run calldata run)
        private
        pure
        returns (uint256 leaves)
    {
        unchecked {
            // No record is shorter, so there is room for all, even for more than the batch has.
            leaves = _reserve(run.records.length / PLAIN_SIZE * 32 + 32);
            uint256 words = _reserve(32 * MAX_LEGS + 32);
            (uint256 at, uint256 next) = (till.at, leaves);
            while (true) {
                (at, next) = PlainBets.hash(till, at, next, words);
                if (at >= till.end) break;
                uint256 head = Packed.word(at);
                bytes32 leaf = _leaf(till, at, head, words);
                assembly ("memory-safe") {
                    mstore(next, leaf)
                }
                next += 32;
                at += Packed.recordSize(head);
            }
            if (at != till.end) revert ISportsbook.RunNotOfBatch(run.batch);
            till.count = (next - leaves) >> 5;
        }
    }

    function _leaf(Till memory till, uint256 at, uint256 head, uint256 words)
        private
        pure
        returns (bytes32)
    {
        unchecked {
            uint256 legs = Packed.legCount(head);
            if (legs - 1 >= MAX_LEGS) revert ISportsbook.ProofInvalid();
            for (uint256 i; i < legs; ++i) {
                uint256 entry = Packed.word(at + Packed.RECORD_HEAD + Packed.LEG_SIZE * i);
                if (entry >> 248 >= till.markets) revert ISportsbook.ProofInvalid();
                uint256 word = Packed.betLeg(Lines.at(till.lines, entry >> 248).market(), entry);
                assembly ("memory-safe") {
                    mstore(add(words, shl(5, i)), word)
                }
            }
            return Packed.betHash(words, head, legs, till.base);
        }
    }

    /// @dev A batch that is settled whole gives its slots back.
    function _mark(Ledger storage ledger, uint256 id, Batch batch, uint256 bits) private {
        if (bits == type(uint256).max >> (MAX_BETS - batch.bets())) {
            ledger.batches[id] = Batch.wrap(0);
            if (batch.isTouched()) delete ledger.settledBits[id];
        } else {
            ledger.settledBits[id] = bits;
            if (!batch.isTouched()) ledger.batches[id] = batch.touched();
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

    /// @dev By hand: an event's bytes would be copied once more.
    function _emit(Till memory till, uint256 batch, uint256 settled) private {
        bytes32 topic = ISportsbook.BatchSettled.selector;
        (uint256 data, uint256 out) = (till.payouts, till.out);
        assembly ("memory-safe") {
            let size := sub(sub(out, data), EVENT_HEAD)
            mstore(data, settled)
            mstore(add(data, 32), 64)
            mstore(add(data, 64), size)
            mstore(out, 0)
            log2(data, add(EVENT_HEAD, and(add(size, 31), not(31))), topic, batch)
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
