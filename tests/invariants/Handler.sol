// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Receipts} from "./Receipts.sol";
import {vm} from "./Vm.sol";

/// @title Handler
/// @notice What anybody may do to the house, in any order and with any numbers. Nothing here may
/// revert: what the contracts refuse is refused for a reason that is named here.
contract Handler is Receipts {
    /// @dev A quote for anyone, and what was bet on it.
    struct Offer {
        ISportsbook.Quote quote;
        uint256 key;
        uint256 used;
        uint8 count;
        uint256 legs;
    }

    Offer[] private offers_;

    constructor() {
        for (uint256 i; i < BETTORS; ++i) {
            BOOK.depositFor(_owner(i), uint64(100 * UNIT));
            balances[i] = 100 * UNIT;
        }
        ISportsbook.KeyGrant[] memory keys = _firstKeys();
        for (uint256 i; i < keys.length; ++i) {
            _addKey(_secret(i), keys[i].role, keys[i].budget, block.timestamp);
        }
        _schedule();
    }

    // -- Bets

    /// @notice A quote of any key for one slip, or for the one after it.
    function quote(uint256 seed) external counted {
        seed = _mix(seed, asked);
        _plan(seed);
        uint256 key = _pick(ISportsbook.Role.Receipts, seed >> 230);
        Slip memory slip = _fresh(seed, seed % HONEST, 0);
        if (key == HONEST_KEY) {
            // The honest house keeps what its receipts need of the budget.
            if (_outstanding().budget + _riskOf(slip) > _left(houseKeys_[key])) return;
        }
        ISportsbook.Quote memory given = _quoteFor(slip);
        bool isForAnother = (seed >> 246) % 4 == 0;
        if (isForAnother) ++given.nonce;
        bytes4 reason = _placeQuoted(slip, given, key);
        if (reason == 0) {
            require(!isForAnother, "a quote counted for another slip");
            return _done("quoted");
        }
        if (isForAnother && reason == ISportsbook.QuoteForAnother.selector) {
            return _done("quote for another slip");
        }
        _checkQuoteRefused(reason);
    }

    /// @notice A quote for anyone, which several bets use up. The honest house gives none.
    function quoteAnyone(uint256 seed) external counted {
        seed = _mix(seed, asked);
        _plan(seed);
        if (offers_.length == 0 || (seed >> 200) % 4 == 0) _offer(seed);
        Offer memory offer = offers_[offers_.length - 1];
        Slip memory slip = _fresh(seed, seed % HONEST, 0);
        (slip.count, slip.legs, slip.minOdds) = (offer.count, offer.legs, 0);
        bytes4 reason = _placeQuoted(slip, offer.quote, offer.key);
        uint256 used = offer.used + slip.stake;
        if (reason == 0) {
            require(used <= offer.quote.maxStake, "more was bet on a quote than it allows");
            offers_[offers_.length - 1].used = used;
            return _done("quoted to anyone");
        }
        if (reason == ISportsbook.QuoteUsed.selector) {
            require(used > offer.quote.maxStake, "a quote that was not used up");
            return _done("quote used up");
        }
        if (reason == ISportsbook.QuoteExpired.selector) {
            require(block.timestamp > offer.quote.deadline, "a quote that had not expired");
            return _done("quote expired");
        }
        _checkQuoteRefused(reason);
    }

    function _offer(uint256 seed) private {
        Slip memory slip = _fresh(seed >> 8, seed % HONEST, 0);
        uint256 key = _pick(ISportsbook.Role.Receipts, seed >> 230);
        if (key == HONEST_KEY) ++key;
        uint64 most = uint64(slip.stake * (1 + (seed >> 220) % 4));
        uint40 deadline = uint40(block.timestamp + (seed >> 210) % 900);
        offers_.push(Offer(ISportsbook.Quote(0, 0, most, deadline), key, 0, slip.count, slip.legs));
    }

    function _checkQuoteRefused(bytes4 reason) private pure {
        require(
            reason == ISportsbook.SlipRefused.selector
                || reason == ISportsbook.QuoteInvalid.selector
                || reason == ISportsbook.BudgetExceeded.selector
                || reason == ISportsbook.PlacingIsPaused.selector,
            "placeQuoted failed"
        );
    }

    /// @notice An offer of any key for cash-outs, at any price.
    function cashOut(uint256 seed) external counted {
        seed = _mix(seed, asked);
        if (open_.length == 0) return;
        Place memory place_ = _anyOpen(seed);
        Bet memory bet = bets_[place_.batch][place_.bet];
        if ((seed >> 72) % 2 == 0 && block.timestamp < bet.acceptedAt + CASH_OUT_AGE) {
            vm.warp(bet.acceptedAt + CASH_OUT_AGE);
        }
        ISportsbook.CashOut memory offer;
        offer.stake = uint64(1 + (uint256(bet.stake) - 1) * ((seed >> 140) % 256) / 255);
        uint256 most = _most(offer.stake, bet.count, bet.legs);
        offer.price = uint64((seed >> 64) % (2 * uint256(offer.stake) + 2));
        // Mostly with nothing left but the reserve.
        if ((seed >> 150) % 2 != 0) _fill(seed >> 20);
        else if ((seed >> 151) % 4 != 0) _takeAllOut();
        if ((seed >> 80) % 2 == 0) offer.price = uint64(most + (seed >> 90) % 2);
        offer.offeredAt = uint40(block.timestamp - (seed >> 100) % 400);
        offer.deadline = uint40(block.timestamp);
        _cashOut(place_, offer, _pick(ISportsbook.Role.CashOuts, seed >> 120));
    }

    /// @notice An offer for one of two bets that cover each other, when nothing but the reserve is free:
    /// whatever is paid for it, the other one needs what it leaves.
    function cashOutOfWhatIsLocked(uint256 seed) external counted {
        seed = _mix(seed, asked);
        uint256 key = _pick(ISportsbook.Role.CashOuts, seed >> 120);
        if (!_isActive(key) || _left(houseKeys_[key]) < UNIT) return;
        _planAhead();
        _provideMore(10 * UNIT);
        Slip[] memory slips = _against(seed);
        if (_placeBatch(slips, _pick(ISportsbook.Role.Operator, seed >> 230)) != 2) return;
        vm.warp(block.timestamp + CASH_OUT_AGE);
        _takeAllOut();
        ISportsbook.CashOut memory offer;
        (offer.stake, offer.price) = (slips[0].stake, uint64(slips[0].stake));
        (offer.offeredAt, offer.deadline) = (uint40(block.timestamp), uint40(block.timestamp));
        _cashOut(placeOf_[slips[0].bettor][slips[0].nonce], offer, key);
    }

    function _cashOut(Place memory place_, ISportsbook.CashOut memory offer, uint256 key) private {
        Bet memory bet = bets_[place_.batch][place_.bet];
        uint64 before = BOOK.houseFree();
        bytes4 reason = _tryCashOut(place_, bet, offer, key);
        if (reason == 0) {
            _checkCashedOut(bet, offer, key, before);
            _end(place_, bet, offer);
            if (offer.stake == bet.stake) return _done("cashed out");
            return _done("cashed out in part");
        }
        if (reason == ISportsbook.BankrollLocked.selector) {
            return _done("cash-out of what is locked");
        }
        _checkRefused(reason, bet, offer, key);
        _done("cash-out refused");
    }

    /// @notice Up to three runs of any batches, decided or not, settled before or not, the same bet
    /// twice at times.
    function settle(uint256 seed) external counted calm {
        if (batches_.length == 0) return;
        seed = _mix(seed, asked);
        if (seed % 2 == 0) _waitForResults();
        uint256 count = 1 + (seed >> 8) % 3;
        if (!_settle(_anyRuns(seed, count))) return;
        if (count == 1) _done("settled");
        else _done("settled in several runs");
    }

    /// @notice Bets against each other on the next match, which is played; one of them is settled alone.
    function settleAlone(uint256 seed) external counted {
        seed = _mix(seed, asked);
        _plan(seed);
        Match storage game = matches_[matches_.length - 1];
        if (seed % 3 != 0 || game.status != 0 || block.timestamp >= game.startsAt) return;
        Slip[] memory slips = new Slip[](3);
        for (uint256 i; i < 3; ++i) {
            slips[i] = _fresh(_mix(seed, i), i, 0);
            (slips[i].acceptedAt, slips[i].deadline) =
            (uint40(block.timestamp), uint40(block.timestamp));
        }
        _oppose(slips[0], slips[1], seed >> 246);
        (slips[2].count, slips[2].legs, slips[2].minOdds) = (1, slips[(seed >> 6) % 2].legs, 0);
        uint256 placed = _placeBatch(slips, _pick(ISportsbook.Role.Operator, seed >> 230));
        if (placed == 0) return;
        uint256 last = batches_.length - 1;
        vm.warp(game.startsAt + 7_200);
        _setResult(game, seed >> 32, 0);
        _publishAs(game, game.term);
        vm.warp(game.finalAt);
        _settleCalmly(Part(last, (seed >> 8) % placed, 1));
        _done("settled alone");
    }

    function _settleCalmly(Part memory part) private calm {
        Part[] memory parts = new Part[](1);
        parts[0] = part;
        _settle(parts);
    }

    // -- The end

    /// @notice Every receipt that counts can be enforced; all bets end, no stake is stuck, and
    /// everybody can go with all that is theirs.
    function end() external {
        uint256 enforced = _enforceAll();
        for (uint256 i; i < enforced; ++i) {
            _done("enforced at the end");
        }
        vm.warp(block.timestamp + 30 days);
        for (uint256 i; i < batches_.length; ++i) {
            Part[] memory parts = new Part[](1);
            parts[0] = Part(i, 0, batches_[i].records.length);
            _settle(parts);
        }
        require(open_.length == 0, "a bet is stuck");
        for (uint256 i; i < matches_.length; ++i) {
            if (matches_[i].isDisputed) _closeDispute(matches_[i]);
        }
        (, uint64 owed, uint64 locked, uint64 accumulators,) = BOOK.book();
        require(owed == 0 && locked == 0 && accumulators == 0, "the book locks for no bet");
        check();
        for (uint256 i; i < BETTORS; ++i) {
            vm.prank(_owner(i));
            BOOK.requestExit(type(uint56).max);
        }
        ISportsbook.Limits memory open;
        BOOK.proposeLimits(open);
        vm.warp(block.timestamp + NOTICE);
        BOOK.applyLimits(open);
        for (uint256 i; i < BETTORS; ++i) {
            vm.prank(_owner(i));
            require(BOOK.exit() == balances[i], "a bettor could not go with everything");
            balances[i] = 0;
        }
        _leaveAll();
        check();
        _writeTally();
    }

    /// @dev In a copy of the state, in either order.
    function _enforceAll() private returns (uint256 count) {
        uint256 copy = vm.snapshotState();
        bool isBackwards = asked % 2 == 0;
        for (uint256 i; i < accepted_.length; ++i) {
            Slip memory slip = accepted_[isBackwards ? accepted_.length - 1 - i : i];
            if (_isDue(slip)) {
                require(
                    _enforce(slip, HONEST_KEY) == 0, "a receipt could not be enforced at the end"
                );
                ++count;
            } else if (_isCorrection(slip)) {
                Place memory place_ = placeOf_[slip.bettor][slip.nonce];
                require(
                    _enforceInstead(slip, place_, HONEST_KEY) == 0,
                    "a receipt could not correct its bet at the end"
                );
                ++count;
            }
        }
        check();
        require(vm.revertToState(copy), "no copy of the state");
    }
}
