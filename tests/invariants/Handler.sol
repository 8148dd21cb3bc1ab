// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Restriction} from "../../contracts/libraries/Ledger.sol";
import {Signature} from "../../contracts/libraries/Signatures.sol";
import {Providers} from "./Providers.sol";
import {vm} from "./Vm.sol";

/// @title Handler
/// @notice What anybody may do to the house, in any order and with any numbers. Nothing here may
/// revert: what the contracts refuse is refused for a reason that is named here.
contract Handler is Providers {
    uint256 private constant MATCHES = 3;

    struct Exit {
        uint256 amount;
        uint256 unlocksAt;
    }

    /// @dev How the last batch was sent.
    Slip[] private last_;
    /// @dev Until when a nonce of the honest bettor may still be used by a slip that was accepted.
    mapping(uint256 nonce => uint256) private busyUntil_;
    Exit[BETTORS] private exits_;
    ISportsbook.Limits private proposed_;
    uint256 private proposedFrom_;
    uint256 private councilFrom_;

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

    /// @dev Little, so that bets, receipts and cash-outs use all of it at times.
    function _firstKeys() internal pure override returns (ISportsbook.KeyGrant[] memory keys) {
        keys = new ISportsbook.KeyGrant[](6);
        ISportsbook.Role[6] memory roles = [
            ISportsbook.Role.Operator,
            ISportsbook.Role.Operator,
            ISportsbook.Role.Receipts,
            ISportsbook.Role.Receipts,
            ISportsbook.Role.CashOuts,
            ISportsbook.Role.Withdrawals
        ];
        uint56[6] memory budgets = [uint56(20_000e6), 1_000e6, 200e6, 60e6, 400e6, 0];
        for (uint256 i; i < 6; ++i) {
            keys[i] = ISportsbook.KeyGrant(vm.addr(_secret(i)), roles[i], budgets[i]);
        }
    }

    function _secret(uint256 i) private pure returns (uint256) {
        return 0xA000 + i;
    }

    function _firstLimits() internal pure override returns (ISportsbook.Limits memory) {
        return ISportsbook.Limits(4_000e6, 5_000e6, 2_000e6, 250e6);
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

    /// @notice Slips that the house has accepted, in a batch, some of them twice.
    function placeAccepted(uint256 seed) external counted {
        seed = _mix(seed, asked);
        if (accepted_.length == 0) return;
        Slip[] memory slips = new Slip[](1 + seed % 2);
        for (uint256 i; i < slips.length; ++i) {
            slips[i] = accepted_[_mix(seed, i) % accepted_.length];
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
        seed = _mix(seed, asked);
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

    function quote(uint256 seed) external counted {
        seed = _mix(seed, asked);
        _plan(seed);
        uint256 key = _pick(ISportsbook.Role.Receipts, seed >> 230);
        Slip memory slip = _fresh(seed, seed % HONEST, 0);
        if (key == HONEST_KEY) {
            // The honest house keeps what its receipts need of the budget.
            (, uint256 risk) = _outstanding();
            if (risk + _riskOf(slip) > _left(houseKeys_[key])) return;
        }
        bytes4 reason = _placeQuoted(slip, key);
        if (reason == 0) return _done("quoted");
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
        // Half of the time with nothing left but the reserve.
        if ((seed >> 150) % 2 == 0) _fill(seed >> 20);
        if ((seed >> 80) % 2 == 0) offer.price = uint64(most + (seed >> 90) % 2);
        offer.offeredAt = uint40(block.timestamp - (seed >> 100) % 400);
        offer.deadline = uint40(block.timestamp);
        uint256 key = _pick(ISportsbook.Role.CashOuts, seed >> 120);
        uint64 before = BOOK.houseFree();
        bytes4 reason = _tryCashOut(place_, bet, offer, key);
        if (reason == 0) {
            _checkCashedOut(bet, offer, key, most, before);
            _end(place_, bet, offer);
            if (offer.stake == bet.stake) return _done("cashed out");
            return _done("cashed out in part");
        }
        if (reason == ISportsbook.BudgetExceeded.selector) {
            require(offer.price > _left(houseKeys_[key]), "a budget that was not spent");
        } else if (reason == ISportsbook.CashOutTooHigh.selector) {
            require(offer.price > most, "a price that was not too high");
        } else if (reason == ISportsbook.CashOutUnsigned.selector) {
            require(!_isActive(key), "a key that is active");
        } else if (reason == ISportsbook.CashOutTooEarly.selector) {
            require(block.timestamp < bet.acceptedAt + CASH_OUT_AGE, "a bet that is old enough");
        } else if (reason == ISportsbook.BankrollLocked.selector) {
            return _done("cash-out of what is locked");
        } else {
            require(reason == ISportsbook.CashOutOutdated.selector, "a cash-out failed");
        }
        _done("cash-out refused");
    }

    // -- The course of things

    /// @notice A result of any status, in time, too early or too late. The council that the fixture
    /// does not belong to is refused.
    function publish(uint256 seed) external counted calm {
        seed = _mix(seed, asked);
        uint256 i = seed % matches_.length;
        if (open_.length != 0 && (seed >> 12) % 4 != 0) {
            Place memory place_ = open_[seed % open_.length];
            (i,,,) = _leg(bets_[place_.batch][place_.bet].legs, 0);
        }
        uint256 tries;
        while (matches_[i].status != 0 && tries++ < matches_.length) i = (i + 1) % matches_.length;
        Match storage game = matches_[i];
        if (game.status != 0) return;
        if ((seed >> 16) % 4 != 0 && block.timestamp < game.startsAt + 7_200) {
            vm.warp(game.startsAt + 7_200);
        }
        _setResult(game, seed >> 32, (seed >> 20) % 8);
        uint24 term = game.term == 0 ? term_ : game.term;
        if (term_ > 1 && (seed >> 24) % 2 == 0) {
            uint24 other = term == 1 ? 2 : term - 1;
            try this.publishAs(_wordOf(game), other) {
                revert("another council decided");
            } catch (bytes memory why) {
                require(bytes4(why) == ISportsbook.TermInvalid.selector, "refused otherwise");
            }
            _done("council refused");
        }
        _publish(_wordOf(game), term);
        (game.term, game.publishedAt) = (term, uint40(block.timestamp));
        game.finalAt = uint40(block.timestamp) + DISPUTE_WINDOW;
        _done("published");
    }

    function publishAs(uint256 result, uint24 term) external {
        require(msg.sender == address(this));
        _publish(result, term);
    }

    /// @notice The arbiter replaces a result, with a dispute or without one.
    function rule(uint256 seed) external counted calm {
        seed = _mix(seed, asked);
        for (uint256 i; i < matches_.length; ++i) {
            Match storage game = matches_[i];
            if (game.status == 0 || block.timestamp >= game.finalAt) continue;
            uint40 last = game.publishedAt + 3 * DISPUTE_WINDOW;
            if (!game.isDisputed && seed % 2 == 0) {
                RESULTS.dispute(bytes16(game.name));
                (game.isDisputed, game.finalAt) = (true, last);
                _done("disputed");
            }
            if ((seed >> 4) % 3 == 0) return;
            uint256 before = _wordOf(game);
            if ((seed >> 8) % 3 != 0) _setResult(game, seed >> 32, (seed >> 20) % 8);
            // The bond of a dispute that changed nothing is the house's.
            if (game.isDisputed && before == _wordOf(game)) pool += BOND;
            RESULTS.rule(_wordOf(game));
            game.isDisputed = false;
            game.finalAt = uint40(block.timestamp) + DISPUTE_WINDOW;
            if (game.finalAt > last) game.finalAt = last;
            return _done("ruled");
        }
    }

    function pass(uint256 time) external counted calm {
        time = _mix(time, asked);
        vm.warp(block.timestamp + (time % 16 == 0 ? time % 8 days : time % 900));
        _done("passed");
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

    // -- Accounts

    function useAccount(uint256 seed) external counted calm {
        seed = _mix(seed, asked);
        uint64 amount = uint64(seed >> 64);
        uint256 who = (seed >> 8) % BETTORS;
        uint256 what = seed % 6;
        if (what == 0) return _deposit(who, uint64(1 + amount % (50 * UNIT)));
        // The honest house confirms no withdrawal of the honest bettor, who may leave by an exit.
        if (what == 1) return _withdraw(who % HONEST, amount, seed >> 16);
        if (what == 2) {
            amount = uint64(1 + amount % (300 * UNIT));
            vm.prank(_owner(who));
            BOOK.requestExit(amount);
            exits_[who] = Exit(amount, block.timestamp + EXIT_DELAY);
            return _done("exit requested");
        }
        if (what == 3) return _exit(who, seed >> 16);
        if (what == 4) return _cancel(who, seed >> 16);
        uint40 until = uint40(block.timestamp + RECEIPT_WINDOW + (seed >> 16) % 600);
        vm.prank(_owner(who));
        try BOOK.excludeSelf(until) {
            _done("excluded");
        } catch (bytes memory why) {
            require(bytes4(why) == ISportsbook.ExclusionTooShort.selector, "exclusion refused");
            require(BOOK.restrictionOf(uint32(who) + 1).excludedUntil >= until, "for nothing");
        }
    }

    // -- The owner

    /// @notice Whatever the owner and the guardian may do. What adds to anybody's power waits.
    function govern(uint256 seed) external counted calm {
        seed = _mix(seed, asked);
        uint256 what = seed % 8;
        if (what == 0) return _proposeLimits(seed >> 8);
        if (what <= 2) return _applyLimits(seed >> 8);
        if (what == 3) return _grant(seed >> 8);
        if (what == 4) return _retire(seed >> 8);
        if (what == 5) {
            RESULTS.propose(_council(term_ + 1));
            councilFrom_ = block.timestamp + NOTICE;
            return _done("council proposed");
        }
        if (what == 6) return _appoint(seed >> 8);
        BOOK.pausePlacing(!BOOK.placingPaused() && (seed >> 8) % 4 == 0);
        _done("paused or resumed");
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
            if (!_isDue(slip)) continue;
            require(_enforce(slip, HONEST_KEY) == 0, "a receipt could not be enforced at the end");
            ++count;
        }
        check();
        require(vm.revertToState(copy), "no copy of the state");
    }

    // -- Slips

    function _schedule() private {
        for (uint256 i; i < MATCHES; ++i) {
            Match storage game = matches_.push();
            game.name = keccak256(abi.encode("match", matches_.length));
            game.startsAt = uint40(block.timestamp + 900 + 900 * i);
        }
    }

    /// @dev New matches when the last ones are over, or at times when they have started.
    function _plan(uint256 seed) private {
        uint256 first = matches_.length - MATCHES;
        bool isOver = matches_[first].status != 0 && matches_[first + 1].status != 0;
        bool hasStarted = block.timestamp >= matches_[first].startsAt;
        if (isOver || (hasStarted && (seed >> 250) % 4 == 0)) _schedule();
    }

    /// @dev Stakes of a few units and of many tokens, odds from the least to absurd ones. The nonce is
    /// the next one, or near it.
    function _fresh(uint256 seed, uint256 who, uint256 skip)
        private
        view
        returns (Slip memory slip)
    {
        slip.bettor = uint8(who);
        (,, uint24 highest,,) = BOOK.accountAt(uint32(who) + 1);
        uint256 nonce = highest + 1 + skip;
        if ((seed >> 8) % 4 == 0) nonce += (seed >> 10) % 10;
        if ((seed >> 16) % 8 == 0) nonce -= (seed >> 20) % 9 % nonce;
        slip.nonce = uint24(nonce);
        slip.stake = uint64(1 + (seed >> 24) % ((seed >> 60) % 3 == 0 ? 5 : 10 * UNIT));
        slip.count = uint8((seed >> 64) % 8 < 5 ? 1 : 2 + (seed >> 68) % 2);
        uint256 product = ONE;
        for (uint256 i; i < slip.count; ++i) {
            uint256 leg =
                _freshLeg(_mix(seed, i), matches_.length - MATCHES + ((seed >> 72) + i) % MATCHES);
            slip.legs |= leg << (64 * i);
            product = product * uint32(leg) / ONE;
        }
        if ((seed >> 80) % 2 == 0 && product < 1e11) slip.minOdds = uint40(product);
    }

    /// @dev Half of the legs share few markets. Of a match that has started most are in play.
    function _freshLeg(uint256 seed, uint256 match_) private view returns (uint256) {
        uint8[4] memory common = [0, 3, 8, 14];
        uint8[3] memory inPlay = [1, 7, 15];
        uint256 market = seed % 2 == 0 ? common[(seed >> 4) % 4] : (seed >> 4) % MARKETS;
        if (block.timestamp >= matches_[match_].startsAt && (seed >> 16) % 8 != 0) {
            market = inPlay[(seed >> 4) % 3];
        }
        // One in thirty-two is twice on the first match, or on an outcome that does not exist.
        if ((seed >> 24) % 32 == 0) match_ = matches_.length - MATCHES;
        uint256 outcomes = markets_[market].outcomes + ((seed >> 32) % 32 == 0 ? 1 : 0);
        uint256 odds = ONE + (seed >> 64) % 60_000;
        if ((seed >> 40) % 16 == 0) odds = ONE + 1;
        if ((seed >> 40) % 16 == 1) odds = (seed >> 64) % (1 << (14 + (seed >> 48) % 19));
        return (match_ << 48) | (market << 40) | ((seed >> 56) % outcomes << 32) | odds;
    }

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
        if (count > 1 && (seed >> 244) % 2 == 0) _oppose(slips[0], slips[1]);
        delete last_;
        for (uint256 i; i < count; ++i) {
            last_.push(slips[i]);
        }
        _send(slips, seed);
    }

    function _fill(uint256 seed) private {
        uint256 operator = _pick(ISportsbook.Role.Operator, seed >> 230);
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

    /// @dev Two bets on the same match of which one covers the other.
    function _oppose(Slip memory first, Slip memory second) private view {
        uint256 odds = uint32(first.legs) < 2 * ONE ? 2 * ONE : uint32(first.legs) % 80_000 + ONE;
        first.legs = ((matches_.length - 1) << 48) | odds;
        second.legs = first.legs | (2 << 32);
        (first.count, second.count, second.stake) = (1, 1, first.stake);
        (first.minOdds, second.minOdds) = (0, 0);
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

    /// @dev What the house checks before it signs a receipt: the slip itself, the bettor's balance, and
    /// that all receipts together fit what stays free for them whatever others do.
    function _isAcceptable(Slip memory slip) private view returns (bool) {
        if (!_isOpen(slip) || _isRuledOut(slip)) return false;
        if (!BOOK.isUsable(uint32(HONEST + 1), slip.nonce)) return false;
        if (busyUntil_[slip.nonce] >= block.timestamp) return false;
        (uint256 stakes, uint256 risk) = _outstanding();
        (uint64 leaving,) = BOOK.exitOf(uint32(HONEST + 1));
        if (balances[HONEST] < stakes + leaving + slip.stake) return false;
        risk += _riskOf(slip);
        if (!_isActive(HONEST_KEY) || risk > _left(houseKeys_[HONEST_KEY])) return false;
        uint256 free = BOOK.houseFree();
        uint256 reserve = BOOK.limits().receiptReserve;
        if (
            proposedFrom_ != 0 && proposedFrom_ <= block.timestamp + RECEIPT_WINDOW
                && block.timestamp < proposedFrom_ + NOTICE && proposed_.receiptReserve < reserve
        ) reserve = proposed_.receiptReserve;
        return risk + _hostileRisk() <= (free < reserve ? free : reserve);
    }

    function _isOpen(Slip memory slip) private view returns (bool) {
        for (uint256 i; i < slip.count; ++i) {
            (uint256 match_, uint256 market, uint256 outcome, uint256 odds) = _leg(slip.legs, i);
            Match storage game = matches_[match_];
            uint256 closesAt = game.startsAt + (markets_[market].inPlay ? VOID_AFTER : 0);
            if (game.status != 0 || block.timestamp >= closesAt) return false;
            if (odds <= ONE || outcome >= markets_[market].outcomes) return false;
            for (uint256 j; j < i; ++j) {
                (uint256 other,,,) = _leg(slip.legs, j);
                if (other == match_) return false;
            }
        }
        return true;
    }

    /// @dev Rather a bet that may cover others, on a match without a result.
    function _anyOpen(uint256 seed) private view returns (Place memory place_) {
        for (uint256 i; i < 6; ++i) {
            place_ = open_[_mix(seed, i) % open_.length];
            Bet memory bet = bets_[place_.batch][place_.bet];
            (uint256 match_, uint256 market,,) = _leg(bet.legs, 0);
            bool mayCover = bet.count == 1 && _mode(market) != Mode.Gross;
            if (mayCover && matches_[match_].status == 0) break;
        }
    }

    // -- Results

    /// @dev Until every result that is published is final.
    function _waitForResults() private {
        for (uint256 i; i < matches_.length; ++i) {
            if (matches_[i].finalAt > block.timestamp) vm.warp(matches_[i].finalAt);
        }
    }

    function _setResult(Match storage game, uint256 seed, uint256 kind) private {
        // Half of the matches are played, a quarter are propositions with any fraction.
        uint8[8] memory statuses = [1, 1, 1, 1, 2, 3 + uint8(seed % 2), 5, 5];
        game.status = statuses[kind];
        if (game.status == 5) {
            game.homeFull = uint8(1 + (seed >> 8) % 255);
            game.homeHalf = uint8((seed >> 16) % (uint256(game.homeFull) + 1));
            game.awayHalf = uint8((seed >> 32) % (uint256(game.homeFull) - game.homeHalf + 1));
            game.awayFull = 0;
        } else {
            (game.homeHalf, game.awayHalf) = (uint8((seed >> 8) % 3), uint8((seed >> 16) % 3));
            bool isHalf = game.status == 3;
            game.homeFull = game.homeHalf + (isHalf ? 0 : uint8((seed >> 32) % 3));
            game.awayFull = game.awayHalf + (isHalf ? 0 : uint8((seed >> 40) % 3));
        }
        uint256 settledAt = game.startsAt + 7_000;
        if ((seed >> 48) % 8 == 0) settledAt = game.startsAt - 600 + (seed >> 52) % 4_000;
        game.settledAt = uint40(settledAt < block.timestamp ? settledAt : block.timestamp);
    }

    function _wordOf(Match storage game) private view returns (uint256) {
        return (uint256(uint128(bytes16(game.name))) << 128) | (uint256(game.status) << 120)
            | (uint256(game.homeHalf) << 112) | (uint256(game.awayHalf) << 104)
            | (uint256(game.homeFull) << 96) | (uint256(game.awayFull) << 88)
            | (uint256(game.settledAt) << 48);
    }

    // -- Accounts

    function _deposit(uint256 who, uint64 amount) private {
        bool isExcluded = block.timestamp < BOOK.restrictionOf(uint32(who) + 1).excludedUntil;
        try BOOK.depositFor(_owner(who), amount) {
            require(!isExcluded, "a deposit of an excluded account");
            balances[who] += amount;
            _done("deposited");
        } catch (bytes memory why) {
            require(
                isExcluded && bytes4(why) == ISportsbook.AccountExcluded.selector,
                "a deposit was refused"
            );
        }
    }

    function _withdraw(uint256 who, uint64 amount, uint256 seed) private {
        if (balances[who] == 0) return;
        amount = uint64(1 + amount % balances[who]);
        uint256 key = _pick(ISportsbook.Role.Withdrawals, seed);
        if (_tryWithdraw(who, amount, key)) {
            require(_isActive(key), "a withdrawal that nobody granted");
            balances[who] -= amount;
            _done("withdrawn");
        } else {
            require(!_isActive(key), "a withdrawal was refused");
        }
    }

    function _tryWithdraw(uint256 who, uint64 amount, uint256 key) private returns (bool isDone) {
        uint32 account = uint32(who + 1);
        (,,,, uint8 sequence) = BOOK.accountAt(account);
        uint40 deadline = uint40(block.timestamp);
        bytes32 hash = _withdrawalHash(account, amount, deadline, sequence);
        Signature memory granted = _sign(houseKeys_[key].secret, hash);
        uint256 word = (uint256(account) << 104) | (uint256(amount) << 40) | deadline;
        vm.prank(_owner(who));
        (isDone,) = address(BOOK)
            .call(
                abi.encodeWithSelector(
                    ISportsbook.withdrawGranted.selector, granted.r, granted.vs, word
                )
            );
    }

    /// @dev Nothing may stop it, once its time has come.
    function _exit(uint256 who, uint256 seed) private {
        if (seed % 2 == 0 && block.timestamp < exits_[who].unlocksAt) {
            vm.warp(exits_[who].unlocksAt);
        }
        vm.prank(_owner(who));
        try BOOK.exit() returns (uint64 amount) {
            uint256 due = exits_[who].amount;
            require(block.timestamp >= exits_[who].unlocksAt, "an exit before its time");
            if (due > balances[who]) due = balances[who];
            require(due == amount, "an exit paid another amount");
            balances[who] -= amount;
            exits_[who].amount = 0;
            _done("left");
        } catch (bytes memory why) {
            bytes4 reason = bytes4(why);
            if (exits_[who].amount == 0) {
                require(reason == ISportsbook.ExitUnknown.selector, "an exit failed");
            } else {
                require(reason == ISportsbook.ExitLocked.selector, "an exit was refused");
                require(block.timestamp < exits_[who].unlocksAt, "an exit was stopped");
            }
        }
    }

    function _cancel(uint256 who, uint256 seed) private {
        uint32 account = uint32(who + 1);
        (,, uint24 highest,,) = BOOK.accountAt(account);
        uint24 last = uint24(highest + seed % 10);
        Restriction memory before = BOOK.restrictionOf(account);
        vm.prank(_owner(who));
        try BOOK.cancelNonces(last) {
            require(
                block.timestamp >= before.cancelledAt + RECEIPT_WINDOW, "cancelled twice at once"
            );
            Restriction memory held = BOOK.restrictionOf(account);
            require(
                held.cancelledNonce == last && held.cancelledAt == block.timestamp,
                "something else was cancelled"
            );
            _done("nonces cancelled");
        } catch (bytes memory why) {
            require(
                bytes4(why) == ISportsbook.CancellationPending.selector, "a cancellation failed"
            );
            require(block.timestamp < before.cancelledAt + RECEIPT_WINDOW, "for nothing");
        }
    }

    // -- The owner

    function _proposeLimits(uint256 seed) private {
        proposed_ = ISportsbook.Limits(
            uint56(seed % (6_000 * UNIT)),
            uint56((seed >> 40) % (9_000 * UNIT)),
            uint56((seed >> 80) % (3_000 * UNIT)),
            (seed >> 116) % 4 == 0 ? 0 : uint56((seed >> 120) % (700 * UNIT))
        );
        BOOK.proposeLimits(proposed_);
        proposedFrom_ = block.timestamp + NOTICE;
        _done("limits proposed");
    }

    function _applyLimits(uint256 seed) private {
        if (proposedFrom_ == 0) return;
        if (seed % 2 == 0 && block.timestamp < proposedFrom_) vm.warp(proposedFrom_);
        bool isTime = block.timestamp >= proposedFrom_ && block.timestamp < proposedFrom_ + NOTICE;
        try BOOK.applyLimits(proposed_) {
            require(isTime, "limits changed without notice");
            proposedFrom_ = 0;
            _done("limits changed");
        } catch (bytes memory why) {
            require(!isTime, "limits were refused");
            require(bytes4(why) == ISportsbook.LimitsNotProposed.selector, "applyLimits failed");
            _done("limits refused");
        }
    }

    function _grant(uint256 seed) private {
        ISportsbook.Role role = ISportsbook.Role(1 + seed % 4);
        uint256 live;
        for (uint256 i; i < houseKeys_.length; ++i) {
            if (houseKeys_[i].role == role && houseKeys_[i].until == type(uint40).max) ++live;
        }
        uint256 secret = _secret(houseKeys_.length);
        uint56 budget = uint56((seed >> 8) % (200 * UNIT));
        try BOOK.grantKey(ISportsbook.KeyGrant(vm.addr(secret), role, budget)) {
            require(live < 2, "three keys of a role");
            _addKey(secret, role, budget, block.timestamp + NOTICE);
            _done("key granted");
        } catch (bytes memory why) {
            require(live == 2, "a key was refused");
            require(bytes4(why) == ISportsbook.KeysTooMany.selector, "grantKey failed");
        }
    }

    /// @dev Seldom the last key of its role, or the honest one.
    function _retire(uint256 seed) private {
        uint256 i = seed % houseKeys_.length;
        HouseKey storage key = houseKeys_[i];
        if (key.until != type(uint40).max) return;
        if (i < 5 && (seed >> 8) % 4 != 0) return;
        BOOK.retireKey(key.signer);
        key.until = uint40(block.timestamp);
        _done("key retired");
    }

    function _appoint(uint256 seed) private {
        if (councilFrom_ == 0) return;
        if (seed % 4 != 0 && block.timestamp < councilFrom_) vm.warp(councilFrom_);
        bool isTime = block.timestamp >= councilFrom_ && block.timestamp < councilFrom_ + NOTICE;
        try RESULTS.appoint(_council(term_ + 1)) {
            require(isTime, "a council without notice");
            ++term_;
            councilFrom_ = 0;
            require(RESULTS.term() == term_, "another term");
            _done("council appointed");
        } catch {
            require(!isTime, "a council was refused");
        }
    }
}
