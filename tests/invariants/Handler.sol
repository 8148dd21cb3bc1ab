// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Draws} from "./Draws.sol";
import {vm} from "./Vm.sol";

/// @title Handler
/// @notice What anybody may do to the house, in any order and with any numbers. Nothing here may
/// revert: what the contracts refuse is refused for a reason that is named here.
contract Handler is Draws {
    /// @dev A quote for anyone, and what was bet on it.
    struct Offer {
        ISportsbook.Quote quote;
        uint256 key;
        uint256 used;
        uint8 count;
        uint256 legs;
    }

    bytes4 private constant PANIC = bytes4(keccak256("Panic(uint256)"));

    /// @dev How the last batch was sent.
    Slip[] private last_;
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

    /// @notice A batch of up to four slips.
    function place(uint256 seed) external counted {
        _place(_mix(seed, asked));
    }

    /// @notice The same, so that forge places more often than it does anything else.
    function placeMore(uint256 seed) external counted {
        _place(_mix(seed, asked + 1));
    }

    /// @notice A slip of little that locks all that its operator can lock, so that receipts have the
    /// reserve alone.
    function fill(uint256 seed) external counted {
        seed = _mix(seed, asked);
        _plan(seed);
        _fill(seed);
    }

    /// @notice An operator whose budget is used up covers a bet of one fixture, which locks less then, and
    /// places one on another fixture in the same batch.
    function spread(uint256 seed) external counted {
        seed = _mix(seed, asked);
        _planAhead();
        uint256 operator = _leastOperator();
        _provideMore(_left(houseKeys_[operator]) + 10 * UNIT);
        if (_placeBatch(_alone(_against(seed)[0]), operator) != 1) return;
        _fillBy(seed, operator);
        Slip[] memory slips = _against(seed);
        // The other one is on the match before.
        (slips[0], slips[1]) = (slips[1], slips[0]);
        slips[1].stake /= 8;
        slips[1].legs -= 1 << 48;
        _placeBatch(slips, operator);
    }

    /// @notice Slips that the house has accepted, in a batch, some of them twice.
    function placeAccepted(uint256 seed) external counted {
        seed = _mix(seed, asked);
        if (accepted_.length == 0) return;
        Slip[] memory slips = new Slip[](1 + seed % 2);
        for (uint256 i; i < slips.length; ++i) {
            slips[i] = accepted_[_mix(seed, i) % accepted_.length];
            if ((seed >> (8 + i)) % 2 == 0) _worsen(slips[i], seed);
        }
        _resend(slips, seed);
    }

    /// @notice The slips of the last batch once more, at a time of the operator's choice: one that was
    /// left out may count now, one that was placed never again.
    function replay(uint256 seed) external counted {
        seed = _mix(seed, asked);
        Slip[] memory slips = new Slip[](last_.length);
        for (uint256 i; i < slips.length; ++i) {
            slips[i] = last_[i];
        }
        _resend(slips, seed);
    }

    /// @notice The house accepts a slip of the honest bettor, which it can keep.
    function accept(uint256 seed) external counted {
        _accept(_mix(seed, asked));
    }

    function _accept(uint256 seed) private {
        _plan(seed);
        Slip memory slip = _fresh(seed, HONEST, 0);
        slip.acceptedAt = uint40(block.timestamp);
        slip.deadline = slip.acceptedAt + uint40((seed >> 210) % 500);
        if (!_isAcceptable(slip)) return;
        busyUntil_[slip.nonce] = block.timestamp + RECEIPT_WINDOW;
        accepted_.push(slip);
        _done("accepted");
    }

    /// @notice A receipt that still counts can be enforced, whatever has happened since.
    function enforce(uint256 seed) external counted {
        seed = _mix(seed, asked);
        if (accepted_.length == 0) return;
        Slip memory slip = accepted_[seed % accepted_.length];
        bool isDue = _isDue(slip);
        bytes4 reason = _enforce(slip, HONEST_KEY);
        if (isDue) {
            require(reason == 0, "a receipt could not be enforced");
            _done("enforced");
        } else {
            require(reason == ISportsbook.SlipRefused.selector, "a receipt counted once more");
            _done("enforced too late");
        }
    }

    /// @notice A receipt that still counts corrects the bet that the operator made of its slip at other
    /// terms, whatever has happened since.
    function correct(uint256 seed) external counted {
        seed = _mix(seed, asked);
        uint256 number = _lastInTime();
        if (number == accepted_.length) _accept(seed);
        if (number == accepted_.length) return;
        // One in eight is any receipt, mostly too old.
        if ((seed >> 8) % 8 == 0) number = (seed >> 24) % accepted_.length;
        Slip memory slip = accepted_[number];
        if (_isDue(slip)) {
            vm.warp(block.timestamp + 1 + (seed >> 16) % 30);
            Slip[] memory worse = _alone(accepted_[number]);
            _worsen(worse[0], seed);
            _resend(worse, seed);
        }
        if (!isUsed_[slip.bettor][slip.nonce]) return;
        bool isCorrection = _isCorrection(slip);
        bytes4 reason = _enforceInstead(slip, placeOf_[slip.bettor][slip.nonce], HONEST_KEY);
        require((reason == 0) == isCorrection, "a receipt could not correct its bet, or did twice");
        if (!isCorrection) return _done("nothing to correct");
        reason = _enforceInstead(slip, placeOf_[slip.bettor][slip.nonce], HONEST_KEY);
        require(reason != 0, "a receipt counted twice");
        _done("bet corrected");
    }

    /// @notice A stolen key for receipts changes the terms of a bet for its bettor, or takes back another
    /// one.
    function forgeInstead(uint256 seed) external counted {
        seed = _mix(seed, asked);
        if (open_.length == 0) return;
        Place memory place_ = _anyYoung(seed);
        Bet memory bet = bets_[place_.batch][place_.bet];
        // The honest bettor has no bet replaced by a key that is not honest.
        if (bet.bettor == HONEST) return;
        uint256 key = _pick(ISportsbook.Role.Receipts, seed >> 230);
        if (key == HONEST_KEY) ++key;
        Slip memory slip = _likeBet(bet, seed);
        uint256 amount = _riskOf(slip) + (_isInPlay(slip) ? slip.stake : 0);
        uint256 left = _left(houseKeys_[key]);
        bytes4 reason = _enforceInstead(slip, place_, key);
        if (reason == 0) return _done("forged replacement within the budget");
        if (reason == ISportsbook.BudgetExceeded.selector) {
            require(amount > left, "a budget that was not spent");
            return _done("forged replacement beyond it");
        }
        if (reason == ISportsbook.NothingToReplace.selector) return _done("replacement refused");
        // What the book has on a market that is marked is not the sum of its bets any more, so that it
        // can overflow before the receipt is refused.
        if (reason == PANIC && _isOnMarked(bet)) return;
        require(
            reason == ISportsbook.SlipRefused.selector
                || reason == ISportsbook.ReceiptInvalid.selector,
            "enforceInstead failed"
        );
    }

    /// @notice The thief of a key for receipts makes a bet of a slip that the house has accepted, at the
    /// worst odds that the bettor signed. Her receipt corrects it.
    function forgeAccepted(uint256 seed) external counted {
        seed = _mix(seed, asked);
        uint256 number = _lastInTime();
        if (number == accepted_.length) _accept(seed);
        if (number == accepted_.length) return;
        Slip memory slip = accepted_[number];
        uint256 key = _pick(ISportsbook.Role.Receipts, seed >> 230);
        if (key == HONEST_KEY) ++key;
        if (!_isDue(slip) || _hasStarted(slip)) return;
        _worsen(slip, seed);
        slip.acceptedAt = uint40(block.timestamp < slip.deadline ? block.timestamp : slip.deadline);
        if (_enforce(slip, key) == 0) _done("accepted slip forged");
        slip = accepted_[number];
        if (!_isCorrection(slip)) return;
        Place memory place_ = placeOf_[slip.bettor][slip.nonce];
        require(_enforceInstead(slip, place_, HONEST_KEY) == 0, "a thief's bet was not corrected");
        _done("thief's bet corrected");
    }

    /// @notice A receipt by a key that is not the house's any more, or that was stolen: at any odds,
    /// dated back.
    function forge(uint256 seed) external counted {
        seed = _mix(seed, asked);
        _plan(seed);
        uint256 key = _pick(ISportsbook.Role.Receipts, seed >> 230);
        if (key == HONEST_KEY) ++key;
        Slip memory slip = _fresh(seed, seed % HONEST, 0);
        // Half of them at odds of up to some 400,000.
        if ((seed >> 240) % 2 == 0) slip.legs |= uint32(seed) >> ((seed >> 242) % 12);
        slip.acceptedAt = uint40(block.timestamp - (seed >> 200) % (RECEIPT_WINDOW + 20));
        slip.deadline = slip.acceptedAt + uint40((seed >> 210) % 100);
        bytes4 reason = _enforce(slip, key);
        if (reason == 0) _done("forged receipt within the budget");
        else if (reason == ISportsbook.BudgetExceeded.selector) _done("forged receipt beyond it");
        else if (reason == ISportsbook.ReceiptInvalid.selector) _done("receipt of a retired key");
        else require(reason == ISportsbook.SlipRefused.selector, "enforce failed");
    }

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

    // -- Batches

    function _place(uint256 seed) private {
        _plan(seed);
        uint256 count = 1 + seed % 4;
        Slip[] memory slips = new Slip[](count);
        for (uint256 i; i < count; ++i) {
            uint256 own = _mix(seed, i);
            slips[i] = _fresh(own, own % HONEST, i);
            slips[i].acceptedAt = uint40(block.timestamp - (own >> 200) % (BATCH_WINDOW + 5));
            slips[i].deadline = slips[i].acceptedAt + uint40((own >> 210) % 300);
            slips[i].isForged = (own >> 220) % 16 == 0;
        }
        if (count > 1 && (seed >> 244) % 2 == 0) _oppose(slips[0], slips[1], 0);
        delete last_;
        for (uint256 i; i < count; ++i) {
            last_.push(slips[i]);
        }
        _send(slips, seed);
    }

    function _fill(uint256 seed) private {
        _fillBy(seed, _pick(ISportsbook.Role.Operator, seed >> 230));
    }

    function _fillBy(uint256 seed, uint256 operator) private {
        uint256 most = BOOK.releasable();
        if (_left(houseKeys_[operator]) < most) most = _left(houseKeys_[operator]);
        if (BOOK.limits().marketCap < most) most = BOOK.limits().marketCap;
        if (most == 0) return;
        Slip[] memory slips = new Slip[](1);
        slips[0] = _fresh(seed, seed % HONEST, 0);
        // On a correct score, which no other bet covers.
        uint256 stake = 1 + most / 400_000;
        uint256 odds = (most + stake) * ONE / stake;
        uint256 leg = ((matches_.length - 1) << 48) | (11 << 40) | odds;
        (slips[0].count, slips[0].legs, slips[0].stake) = (1, leg, uint64(stake));
        (slips[0].minOdds, slips[0].acceptedAt) = (0, uint40(block.timestamp));
        slips[0].deadline = uint40(block.timestamp);
        if (_placeBatch(slips, operator) == 1) _done("filled");
    }

    function _send(Slip[] memory slips, uint256 seed) private {
        uint256 placed = _placeBatch(slips, _pick(ISportsbook.Role.Operator, seed >> 230));
        if (placed != 0) _done("placed");
        if (placed < slips.length) _done("left out");
    }

    /// @dev As late as they can be accepted, without those that cannot be accepted any more.
    function _resend(Slip[] memory slips, uint256 seed) private {
        uint256 count;
        for (uint256 i; i < slips.length; ++i) {
            if (slips[i].deadline + BATCH_WINDOW < block.timestamp) continue;
            slips[i].acceptedAt =
                slips[i].deadline < block.timestamp ? slips[i].deadline : uint40(block.timestamp);
            slips[count++] = slips[i];
        }
        if (count == 0) return;
        assembly {
            mstore(slips, count)
        }
        _send(slips, seed);
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
