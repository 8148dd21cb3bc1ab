// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Restriction} from "../../contracts/libraries/Ledger.sol";
import {Rules} from "./Rules.sol";
import {Tally} from "./Tally.sol";
import {vm} from "./Vm.sol";

/// @title Shadow
/// @notice What the handler knows of the house: bets, balances, keys; and what a bet is worth by the
/// rules.
abstract contract Shadow is Rules, Tally {
    uint256 internal constant BETTORS = 4;
    /// @dev The bettor who only signs slips that the house accepts.
    uint256 internal constant HONEST = 3;
    uint256 internal constant BETTOR_KEY = 0xB0;
    uint256 internal constant MAX_LEGS = 3;
    /// @dev The first of the house's keys for receipts signs for `HONEST` alone; every other key is
    /// hostile.
    uint256 internal constant HONEST_KEY = 2;

    /// @dev A leg has 64 bits of `legs`: match u16 | market u8 | outcome u8 | odds u32, the first in
    /// the lowest.
    struct Slip {
        uint8 bettor;
        uint24 nonce;
        uint40 acceptedAt;
        uint40 deadline;
        uint40 minOdds;
        bool isForged;
        uint8 count;
        uint64 stake;
        uint256 legs;
    }

    struct Bet {
        uint8 bettor;
        uint24 nonce;
        uint64 stake;
        uint40 acceptedAt;
        uint8 count;
        bool isSettled;
        uint32 openAt;
        uint256 legs;
    }

    struct Batch {
        uint256 id;
        bytes markets;
        bytes[] records;
    }

    /// @dev Where a bet is: number of the batch, its place in `batches_`, number of the bet.
    struct Place {
        uint128 batch;
        uint64 at;
        uint64 bet;
    }

    /// @dev A key of the house and its leaky bucket.
    struct HouseKey {
        uint256 secret;
        address signer;
        ISportsbook.Role role;
        uint40 from;
        uint40 until;
        uint40 spentAt;
        uint64 budget;
        uint64 spent;
    }

    /// @dev From `at` on, slips with nonces up to `last` do not count.
    struct Cancellation {
        uint256 last;
        uint256 at;
    }

    Batch[] internal batches_;
    mapping(uint256 id => mapping(uint256 bet => Bet)) internal bets_;
    Place[] internal open_;
    mapping(uint256 bettor => mapping(uint256 nonce => bool)) internal isUsed_;
    /// @dev Where the bet with a nonce is or was.
    mapping(uint256 bettor => mapping(uint256 nonce => Place)) internal placeOf_;
    /// @dev By match and market: whether a bet on it was settled, if all are decided at once.
    mapping(uint256 match_ => mapping(uint256 market => bool)) internal isMarked_;
    mapping(uint256 bettor => Cancellation[]) internal cancelled_;
    HouseKey[] internal houseKeys_;
    /// @dev Slips that the house has accepted, with a receipt.
    Slip[] internal accepted_;
    uint24 internal term_ = 1;

    /// @notice What each bettor owns, and what is the house's and open bets' together.
    uint256[BETTORS] public balances;
    uint256 public pool;

    function _owner(uint256 who) internal pure returns (address) {
        return vm.addr(BETTOR_KEY + who);
    }

    // -- Bets

    function _leg(uint256 legs, uint256 i)
        internal
        pure
        returns (uint256 match_, uint256 market, uint256 outcome, uint256 odds)
    {
        uint256 word = legs >> (64 * i);
        return (uint16(word >> 48), uint8(word >> 40), uint8(word >> 32), uint32(word));
    }

    function _odds(uint256 legs, uint256 count) internal pure returns (uint256[] memory odds) {
        odds = new uint256[](count);
        for (uint256 i; i < count; ++i) {
            (,,, odds[i]) = _leg(legs, i);
        }
    }

    /// @dev What a bet pays when every leg wins.
    function _most(uint256 stake, uint256 count, uint256 legs) internal pure returns (uint256) {
        uint256 divisor = 1;
        for (uint256 i; i < count; ++i) {
            (,,, uint256 odds) = _leg(legs, i);
            stake *= odds;
            divisor *= ONE;
        }
        return stake / divisor;
    }

    /// @dev What a slip pays above its stake when every leg wins; nothing at odds below 1.
    function _riskOf(Slip memory slip) internal pure returns (uint256) {
        uint256 most = _most(slip.stake, slip.count, slip.legs);
        return most > slip.stake ? most - slip.stake : 0;
    }

    /// @dev What a bet pays, rounded down once. With a leg that lost for sure it pays nothing,
    /// whatever becomes of the others.
    function _worth(Bet memory bet) internal view returns (bool decided, uint256 amount) {
        amount = bet.stake;
        uint256 divisor = 1;
        decided = true;
        for (uint256 i; i < bet.count; ++i) {
            (uint256 match_, uint256 market, uint256 outcome, uint256 odds) = _leg(bet.legs, i);
            (uint256 win, uint256 refund, uint256 parts) =
                _fate(match_, market, outcome, bet.acceptedAt);
            if (parts == 0) {
                decided = false;
                continue;
            }
            if (win + refund == 0) return (true, 0);
            amount *= odds * win + ONE * refund;
            divisor *= ONE * parts;
        }
        return decided ? (true, amount / divisor) : (false, 0);
    }

    /// @dev Whether another bet on the same market was settled, by the result that decides both.
    function _isOnMarked(Bet memory bet) internal view returns (bool) {
        (uint256 match_, uint256 market,,) = _leg(bet.legs, 0);
        return bet.count == 1 && isMarked_[match_][market];
    }

    /// @dev To the last batch.
    function _addBet(uint256 id, uint256 number, Bet memory bet) internal {
        bet.isSettled = false;
        bet.openAt = uint32(open_.length);
        bets_[id][number] = bet;
        Place memory place = Place(uint128(id), uint64(batches_.length - 1), uint64(number));
        placeOf_[bet.bettor][bet.nonce] = place;
        open_.push(place);
    }

    function _endBet(uint256 id, uint256 number) internal {
        Bet storage bet = bets_[id][number];
        bet.isSettled = true;
        Place memory last = open_[open_.length - 1];
        open_[bet.openAt] = last;
        bets_[last.batch][last.bet].openAt = bet.openAt;
        open_.pop();
    }

    // -- Keys

    /// @dev A key leaks its whole budget in a day, until it is retired.
    function _left(HouseKey memory key) internal view returns (uint256) {
        uint256 time = block.timestamp < key.until ? block.timestamp : key.until;
        uint256 regained = uint256(key.budget) * (time - key.spentAt) / 1 days;
        return key.spent > regained ? key.budget - (key.spent - regained) : key.budget;
    }

    function _spend(uint256 number, uint256 amount) internal {
        HouseKey storage key = houseKeys_[number];
        uint256 left = _left(key);
        require(amount <= left, "a key committed more than its budget");
        key.spent = uint64(key.budget - left + amount);
        key.spentAt = block.timestamp < key.until ? uint40(block.timestamp) : key.until;
    }

    function _isActive(uint256 number) internal view returns (bool) {
        HouseKey storage key = houseKeys_[number];
        return key.from <= block.timestamp && block.timestamp < key.until;
    }

    /// @dev Any key of a role, retired and future ones included.
    function _pick(ISportsbook.Role role, uint256 seed) internal view returns (uint256 number) {
        number = seed % houseKeys_.length;
        while (houseKeys_[number].role != role) number = (number + 1) % houseKeys_.length;
    }

    /// @dev The operator's key with the least left of its budget.
    function _leastOperator() internal view returns (uint256 number) {
        uint256 least = type(uint256).max;
        for (uint256 i; i < houseKeys_.length; ++i) {
            if (houseKeys_[i].role != ISportsbook.Role.Operator || !_isActive(i)) continue;
            if (_left(houseKeys_[i]) < least) (number, least) = (i, _left(houseKeys_[i]));
        }
    }

    function _addKey(uint256 secret, ISportsbook.Role role, uint256 budget, uint256 from) internal {
        houseKeys_.push(
            HouseKey(
                secret, vm.addr(secret), role, uint40(from), type(uint40).max, 0, uint64(budget), 0
            )
        );
    }

    // -- Receipts

    /// @dev Whether the owner has ruled the slip out by the time of its acceptance.
    function _isRuledOut(Slip memory slip) internal view returns (bool) {
        Restriction memory held = BOOK.restrictionOf(uint32(slip.bettor) + 1);
        uint256 at = slip.acceptedAt;
        if (at >= held.excludedFrom && at < held.excludedUntil) return true;
        Cancellation[] storage cancelled = cancelled_[slip.bettor];
        for (uint256 i; i < cancelled.length; ++i) {
            if (slip.nonce <= cancelled[i].last && at >= cancelled[i].at) return true;
        }
        return false;
    }

    /// @dev Whether a receipt still counts, and was not placed. Nobody but the bettor or the council,
    /// in the second of the acceptance, can have ended that.
    function _isDue(Slip memory slip) internal view returns (bool) {
        return !isUsed_[slip.bettor][slip.nonce] && _isInTime(slip);
    }

    function _isInTime(Slip memory slip) private view returns (bool) {
        if (_isRuledOut(slip) || block.timestamp > slip.acceptedAt + RECEIPT_WINDOW) return false;
        for (uint256 i; i < slip.count; ++i) {
            (uint256 match_,,,) = _leg(slip.legs, i);
            Match storage game = matches_[match_];
            if (game.status != 0 && slip.acceptedAt >= game.publishedAt) return false;
        }
        return true;
    }

    /// @dev Whether a receipt can still correct the bet that somebody made of its slip. Nobody but the
    /// bettor, by a cash-out, can have ended that bet: its result is not final.
    function _isCorrection(Slip memory slip) internal view returns (bool) {
        if (!isUsed_[slip.bettor][slip.nonce] || !_isInTime(slip)) return false;
        Place memory place = placeOf_[slip.bettor][slip.nonce];
        Bet memory bet = bets_[place.batch][place.bet];
        if (bet.isSettled) return false;
        if (bet.stake != slip.stake || !_haveSamePicks(bet, slip)) return false;
        return bet.acceptedAt != slip.acceptedAt || bet.legs != slip.legs;
    }

    /// @dev Whether a leg is on a market in play.
    function _isInPlay(Slip memory slip) internal view returns (bool) {
        for (uint256 i; i < slip.count; ++i) {
            (, uint256 market,,) = _leg(slip.legs, i);
            if (markets_[market].inPlay) return true;
        }
        return false;
    }

    /// @dev Whether the start of one of the matches has come: then a receipt is the owner's alone.
    function _hasStarted(Slip memory slip) internal view returns (bool) {
        for (uint256 i; i < slip.count; ++i) {
            (uint256 match_,,,) = _leg(slip.legs, i);
            if (block.timestamp >= matches_[match_].startsAt) return true;
        }
        return false;
    }

    function _haveSamePicks(Bet memory bet, Slip memory slip) internal pure returns (bool) {
        uint256 odds;
        for (uint256 i; i < slip.count; ++i) {
            odds |= uint256(type(uint32).max) << (64 * i);
        }
        return bet.count == slip.count && bet.legs & ~odds == slip.legs & ~odds;
    }

    /// @dev Of receipts that can still be used.
    struct Outstanding {
        // Stakes that are still in the balance.
        uint256 stakes;
        // What they pay above the stakes.
        uint256 risk;
        // What they can take of the key's budget: to replace a bet in play takes its stake as well.
        uint256 budget;
    }

    function _outstanding() internal view returns (Outstanding memory sums) {
        for (uint256 i; i < accepted_.length; ++i) {
            Slip memory slip = accepted_[i];
            bool isDue = _isDue(slip);
            if (isDue) sums.stakes += slip.stake;
            if (isDue || _isCorrection(slip)) _count(sums, slip);
        }
    }

    function _count(Outstanding memory sums, Slip memory slip) internal view {
        sums.risk += _riskOf(slip);
        sums.budget += _riskOf(slip) + (_isInPlay(slip) ? slip.stake : 0);
    }

    /// @dev What hostile keys for receipts can commit until a receipt of now lapses.
    function _hostileRisk() internal view returns (uint256 risk) {
        for (uint256 i; i < houseKeys_.length; ++i) {
            HouseKey memory key = houseKeys_[i];
            if (key.role != ISportsbook.Role.Receipts || i == HONEST_KEY) continue;
            if (key.from > block.timestamp + RECEIPT_WINDOW) continue;
            risk += key.from > block.timestamp ? key.budget : _left(key);
            if (key.until > block.timestamp) {
                risk += uint256(key.budget) * RECEIPT_WINDOW / 1 days + 1;
            }
        }
    }
}
