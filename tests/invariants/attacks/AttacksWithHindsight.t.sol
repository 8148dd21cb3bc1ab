// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../../contracts/interfaces/ISportsbook.sol";
import {Signature} from "../../../contracts/libraries/Signatures.sol";
import {Attacked} from "./Attacked.sol";
import {vm} from "../Vm.sol";

/// @title AttacksWithHindsight
/// @notice Attacks with what is known once a slip was signed, that worked on version 2 of the
/// contracts: each is refused now, or takes nothing. The names have the numbers of docs/attacks.md.
contract AttacksWithHindsight is Attacked {
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
}
