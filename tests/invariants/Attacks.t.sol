// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {IResults} from "../../contracts/interfaces/IResults.sol";
import {Signature} from "../../contracts/libraries/Signatures.sol";
import {Signing} from "./Signing.sol";
import {Log, vm} from "./Vm.sol";

/// @title Attacks
/// @notice Attacks that worked on version 2 of the contracts, one test each. Each is refused now, or
/// takes nothing. The names have the findings' numbers.
contract Attacks is Signing {
    uint256 private constant BANKROLL = 2_000 * UNIT;
    /// @dev What a stolen key for receipts can commit: a third of the bankroll.
    uint56 private constant BUDGET = 600e6;
    uint256 private constant RECEIPTS_KEY = 0xA11CE;
    uint256 private constant CASH_OUTS_KEY = 0xA11CF;
    uint256 private constant WITHDRAWALS_KEY = 0xA11D0;
    uint256 private constant ALICE = 0xA1;
    uint256 private constant BOB = 0xA2;
    uint256 private constant MALLORY = 0xBAD;
    bytes32 private constant NAME = keccak256("Arsenal v Brentford, 2033-05-18");

    // Reasons for which a slip is left out.
    uint8 private constant MARKET_CLOSED = 8;
    uint8 private constant ACCEPTANCE_OUTSIDE_WINDOW = 9;
    uint8 private constant EXPOSURE_EXCEEDED = 11;
    uint8 private constant EXCLUDED = 14;
    uint8 private constant LEGS_INVALID = 15;
    uint8 private constant CAP_EXCEEDED = 16;
    uint8 private constant NONCE_CANCELLED = 17;
    uint8 private constant NONCE_TOO_FAR = 18;

    struct Leg {
        uint8 index;
        uint8 outcome;
        uint32 odds;
        bytes32 hash;
    }

    struct Over {
        bytes32 first;
        bytes table;
        Leg dear;
        Leg cheap;
        Leg apart;
    }

    struct Kept {
        uint256 id;
        bytes markets;
        bytes[] records;
        bytes skips;
    }

    constructor() {
        BANK.deposit(BANKROLL, address(this));
        _deposit(ALICE, 1_000 * UNIT);
        _deposit(BOB, 5_000 * UNIT);
        _deposit(MALLORY, 10 * UNIT);
    }

    function _firstKeys() internal view override returns (ISportsbook.KeyGrant[] memory keys) {
        keys = new ISportsbook.KeyGrant[](4);
        keys[0] = ISportsbook.KeyGrant(address(this), ISportsbook.Role.Operator, type(uint56).max);
        keys[1] = ISportsbook.KeyGrant(vm.addr(RECEIPTS_KEY), ISportsbook.Role.Receipts, BUDGET);
        keys[2] = ISportsbook.KeyGrant(vm.addr(CASH_OUTS_KEY), ISportsbook.Role.CashOuts, BUDGET);
        keys[3] = ISportsbook.KeyGrant(vm.addr(WITHDRAWALS_KEY), ISportsbook.Role.Withdrawals, 0);
    }

    function _firstLimits() internal pure override returns (ISportsbook.Limits memory) {
        uint56 none = type(uint56).max;
        return ISportsbook.Limits(none, none, none, BUDGET);
    }

    // -- F1: rounding of propositions

    function test_F1_fractions_of_dust_do_not_wrap_the_pool() external {
        BOOK.proposeLimits(ISportsbook.Limits(1e15, 1e15, 1e15, 0));
        vm.warp(T0 + NOTICE);
        BOOK.applyLimits(ISportsbook.Limits(1e15, 1e15, 1e15, 0));
        BANK.redeem(BANK.balanceOf(address(this)), address(this), address(this));
        address mallory = vm.addr(MALLORY);
        TOKEN.mint(mallory, 1);
        vm.prank(mallory);
        TOKEN.approve(address(BANK), 1);
        vm.prank(mallory);
        BANK.deposit(1, mallory);
        uint40 startsAt = uint40(block.timestamp) + 3_600;
        // 255 bets of one unit on Yes and one on No, which would lock nothing if they were netted.
        Kept memory kept = _placeDust(255, 2_560_000, startsAt);
        require(kept.records.length == 255, "the bet that outweighs the others is left out");
        _requireSkip(kept, EXPOSURE_EXCEEDED);
        // Of 255 parts 128 win: Yes is paid in full, by rounding.
        _conclude(kept, _result(NAME, 5, 128, 0, 255, 0, startsAt + 7_000), startsAt);
        (uint64 pool, uint64 owed, uint64 locked,,) = BOOK.book();
        require(pool <= 1 + 256 && owed == 0 && locked == 0, "the pool wrapped");
        uint256 shares = BANK.balanceOf(mallory);
        vm.prank(mallory);
        require(BANK.redeem(shares, mallory, mallory) <= 256, "more than was bet and provided");
        _leaveWithAll(ALICE, 1_000 * UNIT);
        _leaveWithAll(BOB, 5_000 * UNIT);
    }

    function test_F1d_five_bets_of_a_unit_are_not_enough_either() external {
        uint40 startsAt = T0 + 3_600;
        Kept memory kept = _placeDust(4, 50_000, startsAt);
        require(kept.records.length == 5, "covered by the bankroll");
        (, uint64 owed, uint64 locked,,) = BOOK.book();
        require(owed == 5 && locked == 4, "each payout is locked, whatever the others lose");
        _conclude(kept, _result(NAME, 5, 128, 0, 255, 0, startsAt + 7_000), startsAt);
        (uint64 pool,,,,) = BOOK.book();
        require(pool <= BANKROLL && pool >= BANKROLL - 4, "no more was paid than was locked");
    }

    /// @dev The operator's key and those of the results together win the providers' money, by a false
    /// result. They take no balance.
    function test_F1b_host_of_the_worker_takes_no_balance() external {
        bytes32 name = keccak256("first");
        uint64 stake = 999_900;
        uint32 odds = uint32((uint256(BOOK.releasable()) + stake) * 10_000 / stake);
        Leg memory home = _matchResult(name, T0 + 600, 0, odds, false);
        Kept memory kept = _placeOne(MALLORY, stake, home, T0 + 600, name);
        _conclude(kept, _result(name, 1, 1, 0, 1, 0, T0 + 7_600), T0 + 600);
        require(BOOK.releasable() < UNIT, "all that the operator can lock is lost");
        require(BOOK.house() >= BUDGET, "what is kept for receipts is kept from the operator");
        uint40 start = uint40(block.timestamp) + 600;
        Kept memory dust = _placeDust(255, 2_560_000, start);
        _conclude(dust, _result(NAME, 5, 128, 0, 255, 0, start + 7_000), start);
        _leaveWithAll(ALICE, 1_000 * UNIT);
        _leaveWithAll(BOB, 5_000 * UNIT);
    }

    /// @dev Bets of one unit: `count` on Yes at 1.9999, and one on No.
    function _placeDust(uint24 count, uint32 oddsOfNo, uint40 startsAt)
        private
        returns (Kept memory)
    {
        uint40 base = uint40(block.timestamp);
        Leg[] memory yes = _one(_yesNo(0, 19_999, startsAt, "Proposition"));
        Leg[] memory no = _one(_yesNo(1, oddsOfNo, startsAt, "Proposition"));
        (,, uint24 used,,) = BOOK.accountAt(_account(MALLORY));
        bytes memory slips;
        for (uint24 i = 1; i <= count; ++i) {
            slips = abi.encodePacked(slips, _slip(MALLORY, used + i, 1, base, 0, yes));
        }
        slips = abi.encodePacked(slips, _slip(MALLORY, used + count + 1, 1, base, 0, no));
        bytes memory table = _table(base, NAME, startsAt, 13, 0);
        return _place(abi.encodePacked(table, uint16(count + 1), slips));
    }

    // -- F2: caps and accumulators

    function test_F2_caps_bound_all_accumulators_together() external {
        ISportsbook.Limits memory caps = ISportsbook.Limits(10e6, 10e6, 10e6, 0);
        BOOK.proposeLimits(caps);
        vm.warp(T0 + NOTICE);
        BOOK.applyLimits(caps);
        uint40 time = uint40(block.timestamp);
        Over memory over = _matchesThatAreOver(time - 7_500);
        // Accepted before the final whistle, five minutes ago.
        Kept memory kept = _placeMany(time - 300, 0, over, _two(over.dear, over.apart));
        require(kept.records.length == 0, "placed by hindsight");
        _requireSkip(kept, ACCEPTANCE_OUTSIDE_WINDOW);
        kept = _placeMany(time, 0, over, _two(over.dear, over.cheap));
        require(kept.records.length == 0, "one leg twice");
        _requireSkip(kept, LEGS_INVALID);
        kept = _placeMany(time, 0, over, _two(over.dear, over.apart));
        require(kept.records.length == 1, "the first one uses all of the cap");
        _requireSkip(kept, CAP_EXCEEDED);
        over.dear.odds = 20_000;
        kept = _placeMany(time, 1, over, _two(over.dear, over.apart));
        (,,, uint64 accumulators,) = BOOK.book();
        require(kept.records.length == 0 && accumulators == 10e6, "the sum exceeds the cap");
        _requireSkip(kept, CAP_EXCEEDED);
        _publish(_result(over.first, 1, 1, 0, 1, 0, time), 1);
        kept = _placeMany(time, 1, over, _one(over.cheap));
        require(kept.records.length == 0, "placed on a published result");
        _requireSkip(kept, MARKET_CLOSED);
    }

    /// @dev Two matches, of which the first has ended 1:0, and legs in play on home wins.
    function _matchesThatAreOver(uint40 startsAt) private pure returns (Over memory over) {
        bytes32 other = keccak256("other");
        (bytes32 a, bytes32 b) = NAME < other ? (NAME, other) : (other, NAME);
        over.first = a;
        over.dear = _matchResult(a, startsAt, 0, 10_009_000, true);
        over.cheap = _matchResult(a, startsAt, 0, 10_001, true);
        over.apart = _matchResult(b, startsAt, 0, 10_001, true);
        over.apart.index = 1;
        over.table = abi.encodePacked(
            abi.encodePacked(uint8(2), a, startsAt, b, startsAt),
            abi.encodePacked(uint8(2), _entry(0, 1, 1), _entry(1, 1, 1))
        );
    }

    /// @dev Twenty slips of Mallory's on the same legs, from a nonce on.
    function _placeMany(uint40 base, uint24 used, Over memory over, Leg[] memory legs)
        private
        returns (Kept memory)
    {
        bytes memory slips;
        for (uint24 i = 1; i <= 20; ++i) {
            slips = abi.encodePacked(slips, _slip(MALLORY, used + i, 10_000, base, 0, legs));
        }
        return _place(abi.encodePacked(base, over.table, uint16(20), slips));
    }

    // -- F3: dust, far starts, nonces

    function test_F3_dust_does_not_stop_a_receipt() external {
        uint40 startsAt = T0 + 30;
        Leg[] memory legs = _one(_matchResult(NAME, startsAt, 0, 20_000, false));
        bytes memory table = _table(T0, NAME, startsAt, 1, 0);
        uint64 stake = uint64(500 * UNIT);
        bytes memory batch = abi.encodePacked(table, uint16(1), _slip(ALICE, 1, stake, T0, 0, legs));
        Signature memory receipt = _receipt(ALICE, 1, stake, T0, 0, legs);
        vm.warp(T0 + 540);
        // One unit that locks all that batches may lock, on matches that never come.
        try this.lockAll(type(uint40).max) {
            revert("a start in the far future");
        } catch (bytes memory why) {
            require(bytes4(why) == ISportsbook.StartTooFar.selector, "refused otherwise");
        }
        Kept memory dust = this.lockAll(T0 + 540 + 30 days);
        require(dust.records.length == 1 && BOOK.releasable() <= UNIT, "filled");
        BOOK.enforce(batch, receipt);
        require(_balance(ALICE) == 500 * UNIT, "the receipt counts");
        // Without any result the dust is void seven days after its start.
        vm.warp(T0 + 540 + 38 days);
        _settle(dust, 0, 1);
        require(BOOK.houseFree() >= BANKROLL - 500 * UNIT, "nothing stays locked");
    }

    function lockAll(uint40 startsAt) external returns (Kept memory) {
        (bytes32 a, bytes32 b) = (keccak256("never"), keccak256("nor that"));
        if (a > b) (a, b) = (b, a);
        uint40 base = uint40(block.timestamp);
        uint32 rest = uint32((uint256(BOOK.releasable()) + 1) * 1e8 / 4_000_000_000);
        Leg memory first = _matchResult(a, startsAt, 0, 4_000_000_000, false);
        Leg memory second = _matchResult(b, startsAt, 0, rest, false);
        second.index = 1;
        bytes memory slip = _slip(MALLORY, 1, 1, base, 0, _two(first, second));
        bytes memory fixtures = abi.encodePacked(uint8(2), a, startsAt, b, startsAt);
        bytes memory markets = abi.encodePacked(uint8(2), _entry(0, 1, 0), _entry(1, 1, 0));
        return _place(abi.encodePacked(base, fixtures, markets, uint16(1), slip));
    }

    function test_F3b_nonce_further_ahead_does_not_kill_a_receipt() external {
        uint40 startsAt = T0 + 30;
        Leg[] memory legs = _one(_matchResult(NAME, startsAt, 0, 20_000, false));
        bytes memory table = _table(T0, NAME, startsAt, 1, 0);
        uint64 stake = uint64(500 * UNIT);
        bytes memory batch = abi.encodePacked(table, uint16(1), _slip(ALICE, 1, stake, T0, 0, legs));
        Signature memory receipt = _receipt(ALICE, 1, stake, T0, 0, legs);
        // The API says that the next nonce is 11, then 10, then 9.
        for (uint24 nonce = 11; nonce >= 9; --nonce) {
            Kept memory kept =
                _place(abi.encodePacked(table, uint16(1), _slip(ALICE, nonce, 1e6, T0, 0, legs)));
            require(kept.records.length == (nonce == 9 ? 1 : 0), "only 9 leaves 1 usable");
            if (nonce != 9) _requireSkip(kept, NONCE_TOO_FAR);
        }
        vm.warp(T0 + 540);
        BOOK.enforce(batch, receipt);
        require(_balance(ALICE) == 499 * UNIT, "the receipt counts");
    }

    // -- F4: the order of settling

    function test_F4_order_of_settling_moves_no_price() external {
        address victim = vm.addr(0x71C);
        TOKEN.mint(victim, BANKROLL);
        vm.prank(victim);
        TOKEN.approve(address(BANK), BANKROLL);
        vm.prank(victim);
        BANK.deposit(BANKROLL, victim);
        uint40 startsAt = T0 + 3_600;
        Leg[] memory winner = _one(_matchResult(NAME, startsAt, 0, 20_000, false));
        Leg[] memory loser = _one(_matchResult(NAME, startsAt, 2, 40_000, false));
        bytes memory slips = abi.encodePacked(
            _slip(ALICE, 1, uint64(1_000 * UNIT), T0, 0, winner),
            _slip(BOB, 1, uint64(1_000 * UNIT), T0, 0, loser)
        );
        Kept memory kept =
            _place(abi.encodePacked(_table(T0, NAME, startsAt, 1, 0), uint16(2), slips));
        require(kept.records.length == 2, "placed");
        vm.warp(startsAt + 7_200);
        _publish(_result(NAME, 1, 1, 0, 1, 0, startsAt + 7_000), 1);
        vm.warp(block.timestamp + DISPUTE_WINDOW);
        uint256 shares = BANK.balanceOf(victim);
        uint256 seen = BANK.previewRedeem(shares);
        _settle(kept, 0, 1);
        require(BANK.previewRedeem(shares) >= seen, "the price fell by settling the winner");
        vm.prank(victim);
        require(BANK.redeem(shares, victim, victim, seen) >= seen, "paid less than seen");
        uint256 stays = BANK.previewRedeem(BANK.balanceOf(address(this)));
        _settle(kept, 1, 1);
        uint256 after_ = BANK.previewRedeem(BANK.balanceOf(address(this)));
        require(after_ >= stays && after_ <= stays + 1, "the loser's stake was counted before");
    }

    // -- F5: hindsight

    function test_F5_refused_slip_is_not_placed_by_hindsight() external {
        uint40 startsAt = T0 + 30;
        Leg[] memory legs = _one(_matchResult(NAME, startsAt, 0, 20_000, false));
        bytes memory table = _table(T0, NAME, startsAt, 1, 0);
        bytes memory slip = _slip(ALICE, 1, uint64(1_000 * UNIT), T0, 29, legs);
        // Alice takes it back before it could be accepted.
        vm.warp(T0 + 20);
        vm.prank(vm.addr(ALICE));
        BOOK.cancelNonces(1);
        vm.warp(T0 + 29);
        Kept memory kept = _place(abi.encodePacked(table, uint16(1), slip));
        _requireSkip(kept, NONCE_CANCELLED);
        // Bob does not. A minute later it is too late.
        slip = _slip(BOB, 1, uint64(1_000 * UNIT), T0, 29, legs);
        vm.warp(T0 + 29 + BATCH_WINDOW + 1);
        kept = _place(abi.encodePacked(table, uint16(1), slip));
        _requireSkip(kept, ACCEPTANCE_OUTSIDE_WINDOW);
        require(_balance(BOB) == 5_000 * UNIT && _balance(ALICE) == 1_000 * UNIT, "taken");
    }

    function test_F5a_slip_in_play_is_not_placed_on_a_published_result() external {
        uint40 startsAt = T0 - 7_000;
        Leg[] memory legs = _one(_matchResult(NAME, startsAt, 0, 20_000, true));
        bytes memory table = _table(T0, NAME, startsAt, 1, 1);
        bytes memory slip = _slip(ALICE, 1, uint64(1_000 * UNIT), T0, 10, legs);
        vm.warp(T0 + 20);
        _publish(_result(NAME, 1, 0, 0, 0, 1, T0 + 15), 1);
        Kept memory kept = _place(abi.encodePacked(table, uint16(1), slip));
        _requireSkip(kept, MARKET_CLOSED);
        require(_balance(ALICE) == 1_000 * UNIT, "taken");
    }

    // -- F7: the bankroll

    function test_F7_nobody_but_the_sportsbook_names_the_bankroll() external {
        address mallory = vm.addr(MALLORY);
        (bool isDone,) =
            address(BOOK).call(abi.encodeWithSignature("setBankroll(address)", mallory));
        require(!isDone, "the owner named a bankroll");
        vm.prank(mallory);
        try BOOK.fund(uint64(1_000 * UNIT)) {
            revert("funded");
        } catch (bytes memory why) {
            require(bytes4(why) == ISportsbook.NotBankroll.selector, "refused otherwise");
        }
        vm.prank(mallory);
        try BOOK.release(mallory, 1) {
            revert("released");
        } catch (bytes memory why) {
            require(bytes4(why) == ISportsbook.NotBankroll.selector, "refused otherwise");
        }
        // What funds is pulled: a caller without the tokens cannot.
        vm.prank(address(RESULTS));
        (isDone,) = address(BOOK).call(abi.encodeWithSelector(ISportsbook.fund.selector, 1_000e6));
        require(!isDone, "funded without tokens");
    }

    // -- F8: stolen keys

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
        try BOOK.enforceInstead(run, batch, receipt) {
            return true;
        } catch {
            return false;
        }
    }

    // -- F9: lost accumulators

    function test_F9_lost_accumulator_is_settled_at_once() external {
        (bytes32 a, bytes32 b) = (keccak256("a"), keccak256("b"));
        if (a > b) (a, b) = (b, a);
        (uint40 soon, uint40 late) = (T0 + 3_600, T0 + 300 days);
        Kept memory kept = _placeDouble(a, soon, b, late);
        require(kept.records.length == 1, "placed");
        _conclude(kept, _result(a, 1, 0, 1, 0, 1, soon + 7_000), soon);
        (, uint64 owed, uint64 locked, uint64 accumulators,) = BOOK.book();
        require(owed == 0 && locked == 0 && accumulators == 0, "it stays locked");
    }

    function _placeDouble(bytes32 a, uint40 soon, bytes32 b, uint40 late)
        private
        returns (Kept memory)
    {
        Leg memory second = _matchResult(b, late, 0, 40_000, false);
        second.index = 1;
        Leg[] memory legs = _two(_matchResult(a, soon, 0, 40_000, false), second);
        bytes memory fixtures = abi.encodePacked(uint8(2), a, soon, b, late);
        bytes memory markets = abi.encodePacked(uint8(2), _entry(0, 1, 0), _entry(1, 1, 0));
        bytes memory slip = _slip(ALICE, 1, uint64(50 * UNIT), T0, 0, legs);
        return _place(abi.encodePacked(T0, fixtures, markets, uint16(1), slip));
    }

    // -- F10: exclusion

    function test_F10_exclusion_makes_no_option() external {
        uint40 startsAt = T0 + 30;
        Leg[] memory legs = _one(_matchResult(NAME, startsAt, 0, 20_000, false));
        uint64 stake = uint64(1_000 * UNIT);
        bytes memory table = _table(T0, NAME, startsAt, 1, 0);
        bytes memory batch = abi.encodePacked(table, uint16(1), _slip(ALICE, 1, stake, T0, 3, legs));
        Signature memory receipt = _receipt(ALICE, 1, stake, T0, 3, legs);
        vm.prank(vm.addr(ALICE));
        try BOOK.excludeSelf(T0 + 500) {
            revert("an exclusion that ends before the receipt does");
        } catch (bytes memory why) {
            require(bytes4(why) == ISportsbook.ExclusionTooShort.selector, "refused otherwise");
        }
        vm.prank(vm.addr(ALICE));
        BOOK.excludeSelf(T0 + RECEIPT_WINDOW);
        // The API has not seen it, and has accepted the slip three seconds later.
        vm.warp(T0 + 12);
        _requireSkip(_place(batch), EXCLUDED);
        vm.warp(T0 + RECEIPT_WINDOW);
        BOOK.depositFor(vm.addr(ALICE), 1);
        _requireRefused(batch, receipt, EXCLUDED);
        vm.warp(T0 + RECEIPT_WINDOW + 3);
        _requireRefused(batch, receipt, EXCLUDED);
        vm.warp(T0 + RECEIPT_WINDOW + 4);
        _requireRefused(batch, receipt, ACCEPTANCE_OUTSIDE_WINDOW);
        require(_balance(ALICE) == stake + 1, "a bet");
    }

    function _requireRefused(bytes memory batch, Signature memory receipt, uint8 reason) private {
        try BOOK.enforce(batch, receipt) {
            revert("enforced");
        } catch (bytes memory why) {
            require(bytes4(why) == ISportsbook.SlipRefused.selector, "refused otherwise");
            require(uint8(why[35]) == reason, "refused for another reason");
        }
    }

    // -- F11: councils

    function test_F11_new_council_does_not_decide_open_bets() external {
        uint40 startsAt = T0 + 30 days;
        Leg memory home = _matchResult(NAME, startsAt, 0, 20_000, false);
        Kept memory kept = _placeOne(ALICE, uint64(1_000 * UNIT), home, startsAt, NAME);
        RESULTS.propose(_council(2));
        vm.warp(T0 + NOTICE);
        RESULTS.appoint(_council(2));
        vm.warp(startsAt + 7_200);
        uint256 lie = _result(NAME, 1, 0, 1, 0, 1, startsAt + 7_000);
        try this.publishAs(lie, 2) {
            revert("the new council decided");
        } catch (bytes memory why) {
            require(bytes4(why) == ISportsbook.TermInvalid.selector, "refused otherwise");
        }
        // Nor do its signatures pass for those of the old one.
        uint256[] memory words = new uint256[](1);
        words[0] = lie;
        uint40 deadline = uint40(block.timestamp);
        try RESULTS.publish(words, 1, deadline, _signResult(lie, 2, deadline)) {
            revert("signatures of another council");
        } catch (bytes memory why) {
            require(bytes4(why) == IResults.SignerUnknown.selector, "refused otherwise");
        }
        _publish(_result(NAME, 1, 1, 0, 1, 0, startsAt + 7_000), 1);
        vm.warp(block.timestamp + DISPUTE_WINDOW);
        _settle(kept, 0, 1);
        require(_balance(ALICE) == 2_000 * UNIT, "won by the old council's result");
    }

    function publishAs(uint256 result, uint24 term) external {
        _publish(result, term);
    }

    // -- Accounts

    function _deposit(uint256 key, uint256 amount) private {
        BOOK.depositFor(vm.addr(key), uint64(amount));
    }

    function _account(uint256 key) private view returns (uint32) {
        return BOOK.accountOf(vm.addr(key));
    }

    function _balance(uint256 key) private view returns (uint64 balance) {
        (, balance,,,) = BOOK.accountAt(_account(key));
    }

    function _leaveWithAll(uint256 key, uint256 amount) private {
        vm.prank(vm.addr(key));
        BOOK.requestExit(type(uint56).max);
        vm.warp(block.timestamp + EXIT_DELAY);
        vm.prank(vm.addr(key));
        require(BOOK.exit() == amount, "a bettor could not go with everything");
    }

    // -- Slips

    function _one(Leg memory leg) private pure returns (Leg[] memory legs) {
        legs = new Leg[](1);
        legs[0] = leg;
    }

    function _two(Leg memory a, Leg memory b) private pure returns (Leg[] memory legs) {
        legs = new Leg[](2);
        (legs[0], legs[1]) = (a, b);
    }

    function _leg(uint8 outcome, uint32 odds, LegText memory text)
        private
        pure
        returns (Leg memory leg)
    {
        (leg.outcome, leg.odds, leg.hash) = (outcome, odds, _legHash(text));
    }

    /// @dev A market of two outcomes, before the match.
    function _yesNo(uint8 outcome, uint32 odds, uint40 startsAt, string memory market)
        private
        pure
        returns (Leg memory)
    {
        string memory word = outcome == 0 ? "Yes" : "No";
        return _leg(outcome, odds, LegText(NAME, startsAt, market, "Full time", 0, false, word));
    }

    function _matchResult(bytes32 name, uint40 startsAt, uint8 outcome, uint32 odds, bool inPlay)
        private
        pure
        returns (Leg memory)
    {
        string memory word = outcome == 0 ? "Home" : outcome == 1 ? "Draw" : "Away";
        return
            _leg(
                outcome, odds, LegText(name, startsAt, "Match result", "Full time", 0, inPlay, word)
            );
    }

    function _entry(uint8 fixture, uint8 kind, uint8 flags) private pure returns (bytes memory) {
        return abi.encodePacked(fixture, kind, uint8(0), int16(0), flags);
    }

    /// @dev Of one fixture and one market.
    function _table(uint40 base, bytes32 name, uint40 startsAt, uint8 kind, uint8 flags)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(base, uint8(1), name, startsAt, uint8(1), _entry(0, kind, flags));
    }

    /// @dev Signed for the lowest odds, and until 100 seconds after the base.
    function _hashOf(uint256 key, uint24 nonce, uint64 stake, uint40 base, Leg[] memory legs)
        private
        view
        returns (bytes32)
    {
        bytes32[] memory hashes = new bytes32[](legs.length);
        for (uint256 i; i < legs.length; ++i) {
            hashes[i] = legs[i].hash;
        }
        return _slipHash(_account(key), stake, 0, nonce, base + 100, hashes);
    }

    function _slip(
        uint256 key,
        uint24 nonce,
        uint64 stake,
        uint40 base,
        uint16 accepted,
        Leg[] memory legs
    ) private view returns (bytes memory) {
        bytes memory entries;
        for (uint256 i; i < legs.length; ++i) {
            entries = abi.encodePacked(entries, legs[i].index, legs[i].outcome, legs[i].odds);
        }
        Signature memory own = _sign(key, _hashOf(key, nonce, stake, base, legs));
        bytes memory head =
            abi.encodePacked(_account(key), nonce, stake, accepted, uint8(legs.length), entries);
        return abi.encodePacked(head, uint40(0), uint16(100), uint16(0), own.r, own.vs);
    }

    function _receipt(
        uint256 key,
        uint24 nonce,
        uint64 stake,
        uint40 base,
        uint16 accepted,
        Leg[] memory legs
    ) private view returns (Signature memory) {
        uint256[] memory odds = new uint256[](legs.length);
        for (uint256 i; i < legs.length; ++i) {
            odds[i] = legs[i].odds;
        }
        bytes32 slip = _hashOf(key, nonce, stake, base, legs);
        return _sign(RECEIPTS_KEY, _receiptHash(slip, base + accepted, odds));
    }

    // -- Placing and settling

    /// @dev An account's first slip, on a match result.
    function _placeOne(uint256 key, uint64 stake, Leg memory leg, uint40 startsAt, bytes32 name)
        private
        returns (Kept memory kept)
    {
        bytes memory slip = _slip(key, 1, stake, T0, 0, _one(leg));
        kept = _place(abi.encodePacked(_table(T0, name, startsAt, 1, 0), uint16(1), slip));
        require(kept.records.length == 1, "not placed");
    }

    function _place(bytes memory batch) private returns (Kept memory kept) {
        vm.recordLogs();
        kept.id = BOOK.placeBatch(batch);
        return _parse(kept);
    }

    function _parse(Kept memory kept) private returns (Kept memory) {
        Log[] memory logs = vm.getRecordedLogs();
        bytes memory data = abi.decode(logs[0].data, (bytes));
        uint256 at = 8 + 26 * _number(data, 2, 1);
        kept.markets = _cut(data, 3, at - 3);
        kept.records = new bytes[](_number(data, 0, 2));
        for (uint256 i; i < kept.records.length; ++i) {
            uint256 size = 18 + 6 * uint256(uint8(data[at + 17]));
            kept.records[i] = _cut(data, at, size);
            at += size;
        }
        kept.skips = _cut(data, at, data.length - at);
        return kept;
    }

    /// @dev Some slip was left out, and the first one for this reason.
    function _requireSkip(Kept memory kept, uint8 reason) private pure {
        require(kept.skips.length != 0, "nothing was left out");
        require(uint8(kept.skips[7]) == reason, "left out for another reason");
    }

    function _run(Kept memory kept, uint256 first, uint256 count)
        private
        pure
        returns (ISportsbook.Run memory)
    {
        return ISportsbook.Run(
            kept.id,
            first,
            kept.markets,
            _join(kept.records, first, count),
            _proof(kept.markets, kept.records, first, count)
        );
    }

    function _settle(Kept memory kept, uint256 first, uint256 count) private {
        ISportsbook.Run[] memory runs = new ISportsbook.Run[](1);
        runs[0] = _run(kept, first, count);
        BOOK.settle(runs);
    }

    function _result(
        bytes32 name,
        uint8 status,
        uint8 homeHalf,
        uint8 awayHalf,
        uint8 homeFull,
        uint8 awayFull,
        uint40 settledAt
    ) private pure returns (uint256) {
        return (uint256(uint128(bytes16(name))) << 128) | (uint256(status) << 120)
            | (uint256(homeHalf) << 112) | (uint256(awayHalf) << 104) | (uint256(homeFull) << 96)
            | (uint256(awayFull) << 88) | (uint256(settledAt) << 48);
    }

    /// @dev Publishes a result two hours after the start, waits until it is final, and settles.
    function _conclude(Kept memory kept, uint256 word, uint40 startsAt) private {
        vm.warp(startsAt + 7_200);
        _publish(word, 1);
        vm.warp(startsAt + 7_200 + DISPUTE_WINDOW);
        _settle(kept, 0, kept.records.length);
    }
}
