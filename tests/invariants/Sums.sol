// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Shadow} from "./Shadow.sol";

/// @title Sums
/// @notice What all open bets together can still cost, and what the book must be.
abstract contract Sums is Shadow {
    /// @dev Open single bets on a market, while the book is summed up.
    struct Sum {
        uint256 key;
        uint256[3] payouts;
        uint256 stakes;
        // Twice what its bets pay, if it is decided in halves.
        uint256 due;
        bool isDecided;
    }

    struct Totals {
        uint256 owed;
        uint256 locked;
        uint256 accumulators;
        // What open bets can still be paid at the worst.
        uint256 worst;
    }

    function check() public view {
        uint256 owned;
        for (uint256 i; i < BETTORS; ++i) {
            (, uint64 balance,,,) = BOOK.accountAt(uint32(i + 1));
            require(balance == balances[i], "a balance is not what its owner's moves make it");
            owned += balance;
        }
        (uint64 held, uint64 owed, uint64 locked, uint64 accumulators,) = BOOK.book();
        require(held == pool, "the pool is not what was bet and paid");
        require(TOKEN.balanceOf(address(BOOK)) >= owned + pool, "fewer tokens than debts");
        require(TOKEN.balanceOf(address(BOOK)) == owned + pool, "tokens that belong to nobody");
        require(held >= uint256(owed) + locked, "more owed and locked than there is");
        require(BOOK.houseFree() == held - owed - locked, "free money");
        Totals memory sums = _sumUp();
        require(sums.worst <= uint256(owed) + locked, "open bets could cost more than is kept");
        require(accumulators == sums.accumulators, "accumulators lock another sum");
        require(accumulators <= locked, "accumulators lock more than everything");
        require(locked == sums.locked, "the book does not lock what open bets can cost");
        require(owed == sums.owed, "the book does not owe what open bets are due");
        uint256 bonds;
        for (uint256 i; i < matches_.length; ++i) {
            if (matches_[i].isDisputed) bonds += BOND;
        }
        require(TOKEN.balanceOf(address(RESULTS)) == bonds, "bonds are not those of open disputes");
        for (uint256 i; i < houseKeys_.length; ++i) {
            (,,,, uint64 left) = BOOK.keyOf(houseKeys_[i].signer);
            require(left == _left(houseKeys_[i]), "a key's budget is not what it has spent");
        }
    }

    function _sumUp() private view returns (Totals memory) {
        return _sumUpWithout(type(uint256).max, 0);
    }

    /// @dev By how much all bets would lock more if one had less stake.
    function _raisedWithout(Bet memory bet, uint256 stake) internal view returns (uint256) {
        uint256 before = _sumUp().locked;
        uint256 after_ = _sumUpWithout(bet.openAt, stake).locked;
        return after_ > before ? after_ - before : 0;
    }

    /// @param cut Number of an open bet that counts with less stake.
    function _sumUpWithout(uint256 cut, uint256 stake) private view returns (Totals memory totals) {
        Sum[] memory sums = new Sum[](open_.length);
        uint256 count;
        for (uint256 i; i < open_.length; ++i) {
            Bet memory bet = bets_[open_[i].batch][open_[i].bet];
            if (i == cut) bet.stake -= uint64(stake);
            (bool decided, uint256 amount) = _worth(bet);
            if (decided) totals.worst += amount;
            uint256 most = _most(bet.stake, bet.count, bet.legs);
            if (bet.count > 1) {
                if (!decided) totals.worst += most;
                totals.owed += bet.stake;
                totals.accumulators += most - bet.stake;
                continue;
            }
            count = _addTo(sums, count, bet, most, decided);
        }
        totals.locked = totals.accumulators;
        for (uint256 i; i < count; ++i) {
            _addUp(totals, sums[i]);
        }
    }

    function _addTo(Sum[] memory sums, uint256 count, Bet memory bet, uint256 most, bool decided)
        private
        view
        returns (uint256)
    {
        (uint256 match_, uint256 market, uint256 outcome,) = _leg(bet.legs, 0);
        uint256 at;
        while (at < count && sums[at].key != match_ * MARKETS + market) ++at;
        if (at == count) sums[count++].key = match_ * MARKETS + market;
        Sum memory sum = sums[at];
        sum.payouts[outcome < 3 ? outcome : 0] += most;
        sum.stakes += bet.stake;
        sum.isDecided = decided;
        if (decided) {
            (uint256 win, uint256 refund,) = _fate(match_, market, outcome, bet.acceptedAt);
            sum.due += win * most + refund * bet.stake;
        }
        return count;
    }

    function _addUp(Totals memory totals, Sum memory sum) private view {
        (uint256 a, uint256 b, uint256 c) = (sum.payouts[0], sum.payouts[1], sum.payouts[2]);
        Mode mode = _mode(sum.key % MARKETS);
        uint256 cost = a + b + c;
        if (mode == Mode.Netted) cost = _max(a, _max(b, c));
        if (mode == Mode.Paired) cost = _max(a + b, _max(b + c, a + c));
        cost = _max(cost, sum.stakes);
        if (!sum.isDecided) totals.worst += cost;
        if (isMarked_[sum.key / MARKETS][sum.key % MARKETS]) {
            totals.owed += (sum.due + 1) / 2;
        } else {
            totals.owed += sum.stakes;
            totals.locked += cost - sum.stakes;
        }
    }

    function _max(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a : b;
    }
}
