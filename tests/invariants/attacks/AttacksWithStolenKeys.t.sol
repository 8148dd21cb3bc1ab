// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../../contracts/interfaces/ISportsbook.sol";
import {Signature} from "../../../contracts/libraries/Signatures.sol";
import {Attacked} from "./Attacked.sol";
import {vm} from "../Vm.sol";

/// @title AttacksWithStolenKeys
/// @notice Attacks with stolen keys of the house, that worked on version 2 of the
/// contracts: each is refused now, or takes nothing. The names have the numbers of docs/attacks.md.
contract AttacksWithStolenKeys is Attacked {
    /// @dev Both sides of a market, dated back to before the retirement.
    function test_F8_retired_key_commits_its_budget_at_the_most() external {
        BOOK.retireKey(vm.addr(RECEIPTS_KEY));
        vm.warp(T0 + 590);
        require(_enforceAs(MALLORY, 1, 0, 20_010_000) == _exceeded(), "2,000 by one receipt");
        require(_enforceAs(MALLORY, 1, 0, 5_010_000) == 0, "within the budget");
        // The other side would net it. It counts all the same.
        require(_enforceAs(MALLORY, 2, 1, 5_010_000) == _exceeded(), "500 more");
        require(_enforceAs(MALLORY, 2, 1, 1_010_000) == 0, "the rest of the budget");
        require(_enforceAs(MALLORY, 3, 0, 10_010) == _exceeded(), "a receipt beyond the budget");
        (,, uint64 locked,,) = BOOK.book();
        require(locked <= BUDGET, "more is locked than the budget");
        vm.warp(T0 + 591 + RECEIPT_WINDOW);
        require(
            _enforceAs(MALLORY, 3, 0, 10_010) == ISportsbook.ReceiptInvalid.selector,
            "dated after the retirement"
        );
    }

    function _exceeded() private pure returns (bytes4) {
        return ISportsbook.BudgetExceeded.selector;
    }

    /// @dev A stake of one on both teams to score, or not, by receipt, as long ago as can be but
    /// before the retirement.
    function _enforceAs(uint256 key, uint24 nonce, uint8 outcome, uint32 odds)
        private
        returns (bytes4)
    {
        uint40 base = block.timestamp > T0 + RECEIPT_WINDOW
            ? uint40(block.timestamp) - RECEIPT_WINDOW
            : T0;
        uint40 startsAt = T0 + 3_600;
        Leg[] memory legs = _one(_yesNo(outcome, odds, startsAt, "Both teams to score"));
        bytes memory batch = abi.encodePacked(
            _table(base, NAME, startsAt, 9, 0), uint16(1), _slip(key, nonce, 1e6, base, 0, legs)
        );
        try BOOK.enforce(batch, _receipt(key, nonce, 1e6, base, 0, legs)) {
            return 0;
        } catch (bytes memory why) {
            return bytes4(why);
        }
    }

    /// @dev With every key of the house but the operator's, in one block.
    function test_F8b_stolen_keys_take_nothing_in_one_block() external {
        uint40 startsAt = T0 + 1;
        require(_enforceAs(MALLORY, 1, 0, 20_010_000) == _exceeded(), "all that is free");
        Leg[] memory legs = _one(_matchResult(NAME, startsAt, 0, 5_010_000, false));
        bytes memory batch = abi.encodePacked(
            _table(T0, NAME, startsAt, 1, 0), uint16(1), _slip(MALLORY, 1, 1e6, T0, 0, legs)
        );
        Signature memory receipt = _receipt(MALLORY, 1, 1e6, T0, 0, legs);
        vm.recordLogs();
        Kept memory kept;
        kept.id = BOOK.enforce(batch, receipt);
        kept = _parse(kept);
        bytes4 reason = _cashOut(kept, CASH_OUTS_KEY, T0);
        require(
            reason == ISportsbook.CashOutTooEarly.selector, "cashed out in the block of the bet"
        );
        require(!_withdraw(RECEIPTS_KEY, 1), "a withdrawal by the key for receipts");
        require(_withdraw(WITHDRAWALS_KEY, 9e6), "of what is Mallory's");
        require(TOKEN.balanceOf(vm.addr(MALLORY)) == 9e6, "more than the balance");
        vm.warp(T0 + CASH_OUT_AGE);
        reason = _cashOut(kept, CASH_OUTS_KEY, T0);
        require(reason == ISportsbook.CashOutOutdated.selector, "an offer from before the start");
        reason = _cashOut(kept, RECEIPTS_KEY, T0 + CASH_OUT_AGE);
        require(reason == ISportsbook.CashOutUnsigned.selector, "a cash-out by another key");
        BOOK.retireKey(vm.addr(CASH_OUTS_KEY));
        reason = _cashOut(kept, CASH_OUTS_KEY, T0 + CASH_OUT_AGE);
        require(reason == ISportsbook.CashOutUnsigned.selector, "a cash-out by a retired key");
        require(BOOK.house() == BANKROLL, "something was taken");
    }

    /// @dev At all that the bet could win.
    function _cashOut(Kept memory kept, uint256 houseKey, uint40 offeredAt)
        private
        returns (bytes4)
    {
        ISportsbook.CashOut memory offer = ISportsbook.CashOut(1e6, 501e6, offeredAt, T0 + 1_000);
        bytes32 hash = _cashOutHash(_account(MALLORY), kept.id, 0, offer);
        Signature memory own = _sign(MALLORY, hash);
        ISportsbook.Run memory run = _run(kept, 0, 1);
        Signature memory house = _sign(houseKey, hash);
        try BOOK.cashOut(run, offer, house, abi.encodePacked(own.r, own.vs)) {
            return 0;
        } catch (bytes memory why) {
            return bytes4(why);
        }
    }

    function _withdraw(uint256 houseKey, uint64 amount) private returns (bool isDone) {
        uint32 account = _account(MALLORY);
        uint40 deadline = uint40(block.timestamp);
        Signature memory granted = _sign(houseKey, _withdrawalHash(account, amount, deadline, 0));
        uint256 word = (uint256(account) << 104) | (uint256(amount) << 40) | deadline;
        vm.prank(vm.addr(MALLORY));
        (isDone,) = address(BOOK)
            .call(
                abi.encodeWithSelector(
                    ISportsbook.withdrawGranted.selector, granted.r, granted.vs, word
                )
            );
    }

    /// @dev A receipt that replaces a bet returns its stake. A stolen key must not return stakes that
    /// are lost: they are no part of what its budget counts.
    function test_F8c_stolen_key_returns_no_lost_stake() external {
        (Kept memory kept, uint40 startsAt) = _placeThree();
        vm.warp(startsAt + 7_200);
        _publish(_result(NAME, 1, 0, 1, 0, 1, startsAt + 7_000), 1);
        vm.warp(block.timestamp + DISPUTE_WINDOW);
        uint64 before = _balance(MALLORY);
        uint256 free = BOOK.houseFree();
        require(!_replace(kept, 0, 1), "a bet whose result is final was replaced");
        require(_balance(MALLORY) <= before && BOOK.houseFree() >= free, "a lost stake returned");
    }

    /// @dev The same once the market is marked: its bets are owed what they pay, not their stakes.
    function test_F8d_replacing_in_a_decided_market_leaves_the_book_whole() external {
        (Kept memory kept, uint40 startsAt) = _placeThree();
        vm.warp(startsAt + 7_200);
        _publish(_result(NAME, 1, 0, 1, 0, 1, startsAt + 7_000), 1);
        vm.warp(block.timestamp + DISPUTE_WINDOW);
        _settle(kept, 2, 1);
        _replace(kept, 0, 1);
        // Bob's bet on the away win is open still, and is due two tokens for each that he staked.
        (uint64 pool, uint64 owed, uint64 locked,,) = BOOK.book();
        require(owed >= 200 * UNIT && pool >= owed + locked, "less is owed than bets are due");
        _settle(kept, 0, 3);
        require(_balance(BOB) == 5_100 * UNIT, "a bet that won cannot be settled");
    }

    /// @dev A bet that covers others locks money when it goes. A stolen key must not lock more than its
    /// budget, of what is kept for receipts.
    function test_F8e_replacing_locks_no_more_than_the_budget() external {
        _deposit(MALLORY, 700 * UNIT);
        uint40 startsAt = T0 + 3_600;
        Leg[] memory home = _one(_matchResult(NAME, startsAt, 0, 20_000, false));
        Leg[] memory away = _one(_matchResult(NAME, startsAt, 2, 20_000, false));
        bytes memory slips = abi.encodePacked(
            _slip(MALLORY, 1, 700e6, T0, 0, home), _slip(BOB, 1, 700e6, T0, 0, away)
        );
        Kept memory kept =
            _place(abi.encodePacked(_table(T0, NAME, startsAt, 1, 0), uint16(2), slips));
        (,, uint64 before,,) = BOOK.book();
        require(kept.records.length == 2 && before == 0, "one covers the other");
        _replace(kept, 0, 1);
        (,, uint64 locked,,) = BOOK.book();
        require(locked - before <= BUDGET, "more is locked than the key's budget");
    }

    /// @dev Mallory on the home win, Bob and Alice on the away win, at even odds.
    function _placeThree() private returns (Kept memory kept, uint40 startsAt) {
        startsAt = T0 + 3_600;
        Leg[] memory home = _one(_matchResult(NAME, startsAt, 0, 20_000, false));
        Leg[] memory away = _one(_matchResult(NAME, startsAt, 2, 20_000, false));
        bytes memory slips = abi.encodePacked(
            _slip(MALLORY, 1, 10e6, T0, 0, home),
            _slip(BOB, 1, 100e6, T0, 0, away),
            _slip(ALICE, 1, 1e6, T0, 0, away)
        );
        kept = _place(abi.encodePacked(_table(T0, NAME, startsAt, 1, 0), uint16(3), slips));
        require(kept.records.length == 3, "placed");
    }

    /// @dev By a receipt of now for another slip with the same nonce: one unit at the lowest odds, on
    /// another match.
    function _replace(Kept memory kept, uint256 bet, uint24 nonce) private returns (bool) {
        uint40 base = uint40(block.timestamp);
        bytes32 name = keccak256("another match");
        Leg[] memory legs = _one(_matchResult(name, base + 600, 0, 10_001, false));
        bytes memory batch = abi.encodePacked(
            _table(base, name, base + 600, 1, 0), uint16(1), _slip(MALLORY, nonce, 1, base, 0, legs)
        );
        Signature memory receipt = _receipt(MALLORY, nonce, 1, base, 0, legs);
        ISportsbook.Run memory run = _run(kept, bet, 1);
        vm.prank(vm.addr(MALLORY));
        try BOOK.enforceInstead(run, batch, receipt) {
            return true;
        } catch {
            return false;
        }
    }
}
