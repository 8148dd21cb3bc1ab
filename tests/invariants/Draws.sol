// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Owner} from "./Owner.sol";
import {vm} from "./Vm.sol";

/// @title Draws
/// @notice Draws slips, and whether the honest house accepts one.
abstract contract Draws is Owner {
    /// @dev Until when a nonce of the honest bettor may still be used by a slip that was accepted.
    mapping(uint256 nonce => uint256) internal busyUntil_;

    /// @dev Stakes of a few units and of many tokens, odds from the least to absurd ones. The nonce is
    /// the next one, or near it.
    function _fresh(uint256 seed, uint256 who, uint256 skip)
        internal
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
        uint8[5] memory common = [0, 3, 6, 8, 14];
        uint8[3] memory inPlay = [1, 7, 15];
        uint256 market = seed % 2 == 0 ? common[(seed >> 4) % 5] : (seed >> 4) % MARKETS;
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

    /// @dev The same slip at lower odds, if its owner signed no minimum.
    function _worsen(Slip memory slip, uint256 seed) internal pure {
        if (slip.minOdds != 0) return;
        uint256 legs;
        for (uint256 i; i < slip.count; ++i) {
            uint256 word = uint64(slip.legs >> (64 * i));
            uint256 odds = uint32(word);
            odds = ONE + 1 + _mix(seed, i) % (odds - ONE);
            legs |= ((word >> 32 << 32) | odds) << (64 * i);
        }
        slip.legs = legs;
    }

    /// @dev Two bets on the same market of which one covers the other: on who wins, on 0.75 goals, or on
    /// a handicap of a quarter goal.
    function _oppose(Slip memory first, Slip memory second, uint256 seed) internal view {
        uint256 odds = uint32(first.legs) < 2 * ONE ? 2 * ONE : uint32(first.legs) % 80_000 + ONE;
        uint256 market = [0, 6, 8][seed % 3];
        first.legs = ((matches_.length - 1) << 48) | (market << 40) | odds;
        uint256 outcome = market == 0 ? 2 : 1;
        second.legs = first.legs | (outcome << 32);
        (first.count, second.count, second.stake) = (1, 1, first.stake);
        (first.minOdds, second.minOdds) = (0, 0);
    }

    /// @dev Two bets of now on who wins the last match, of which one covers the other.
    function _against(uint256 seed) internal view returns (Slip[] memory slips) {
        slips = new Slip[](2);
        for (uint256 i; i < 2; ++i) {
            slips[i] = _fresh(_mix(seed, i), i, 0);
            (,, uint24 highest,,) = BOOK.accountAt(uint32(i) + 1);
            (slips[i].nonce, slips[i].stake) = (highest + 1, uint64(UNIT / 10));
            (slips[i].acceptedAt, slips[i].deadline) =
            (uint40(block.timestamp), uint40(block.timestamp));
        }
        slips[0].legs = 5 * ONE;
        _oppose(slips[0], slips[1], 0);
    }

    /// @dev Rather a bet that may cover others, on a match without a result.
    function _anyOpen(uint256 seed) internal view returns (Place memory place_) {
        for (uint256 i; i < 6; ++i) {
            place_ = open_[_mix(seed, i) % open_.length];
            Bet memory bet = bets_[place_.batch][place_.bet];
            (uint256 match_, uint256 market,,) = _leg(bet.legs, 0);
            bool mayCover = bet.count == 1 && _mode(market) != Mode.Gross;
            if (mayCover && matches_[match_].status == 0) break;
        }
    }

    /// @dev Rather a bet that a receipt can still replace.
    function _anyYoung(uint256 seed) internal view returns (Place memory place_) {
        for (uint256 i; i < 6; ++i) {
            place_ = open_[_mix(seed, i) % open_.length];
            Bet memory bet = bets_[place_.batch][place_.bet];
            bool isYoung = block.timestamp <= bet.acceptedAt + RECEIPT_WINDOW;
            if (isYoung && bet.bettor != HONEST) break;
        }
    }

    /// @dev A slip for the same bet at other terms; one in eight is for another stake, outcome or nonce.
    function _likeBet(Bet memory bet, uint256 seed) internal view returns (Slip memory slip) {
        (slip.bettor, slip.nonce, slip.stake) = (bet.bettor, bet.nonce, bet.stake);
        (slip.count, slip.legs) = (bet.count, bet.legs);
        if ((seed >> 8) % 4 != 0) slip.legs ^= uint32(seed >> 16) >> (14 + (seed >> 48) % 18);
        if ((seed >> 56) % 8 == 0) {
            uint256 what = (seed >> 60) % 3;
            if (what == 0) ++slip.stake;
            else if (what == 1) slip.legs ^= 1 << 32;
            else ++slip.nonce;
        }
        slip.acceptedAt = uint40(block.timestamp - (seed >> 200) % (RECEIPT_WINDOW + 20));
        slip.deadline = slip.acceptedAt + uint40((seed >> 210) % 100);
    }

    // -- What the honest house accepts

    /// @dev The last receipt with which something can still be done; their number if there is none.
    function _lastInTime() internal view returns (uint256) {
        for (uint256 i = accepted_.length; i > 0; --i) {
            Slip memory slip = accepted_[i - 1];
            if (_isDue(slip) || _isCorrection(slip)) return i - 1;
        }
        return accepted_.length;
    }

    /// @dev What the house checks before it signs a receipt: the slip itself, the bettor's balance, and
    /// that all receipts together fit what stays free for them whatever others do.
    function _isAcceptable(Slip memory slip) internal view returns (bool) {
        if (!_isOpen(slip) || _isRuledOut(slip)) return false;
        if (!BOOK.isUsable(uint32(HONEST + 1), slip.nonce)) return false;
        if (busyUntil_[slip.nonce] >= block.timestamp) return false;
        Outstanding memory sums = _outstanding();
        (uint64 leaving,) = BOOK.exitOf(uint32(HONEST + 1));
        if (balances[HONEST] < sums.stakes + leaving + slip.stake) return false;
        _count(sums, slip);
        if (!_isActive(HONEST_KEY) || sums.budget > _left(houseKeys_[HONEST_KEY])) return false;
        uint256 free = BOOK.houseFree();
        uint256 reserve = BOOK.limits().receiptReserve;
        if (
            proposedFrom_ != 0 && proposedFrom_ <= block.timestamp + RECEIPT_WINDOW
                && block.timestamp < proposedFrom_ + NOTICE && proposed_.receiptReserve < reserve
        ) reserve = proposed_.receiptReserve;
        uint256 needed = sums.risk + _hostileRisk();
        return needed <= (free < reserve ? free : reserve);
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
}
