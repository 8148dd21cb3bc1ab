// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Batching} from "./Batching.sol";
import {vm} from "./Vm.sol";

/// @title Receipts
/// @notice The house accepts slips, and anybody uses its receipts, honest and forged ones.
abstract contract Receipts is Batching {
    bytes4 private constant PANIC = bytes4(keccak256("Panic(uint256)"));

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
}
