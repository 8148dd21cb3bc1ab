// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../../contracts/interfaces/ISportsbook.sol";
import {Signature} from "../../../contracts/libraries/Signatures.sol";
import {Attacked} from "./Attacked.sol";
import {vm} from "../Vm.sol";

/// @title AttacksOnReceipts
/// @notice Attacks on accepted slips, which their receipts must be able to enforce, that worked on version 2 of the
/// contracts: each is refused now, or takes nothing. The names have the numbers of docs/attacks.md.
contract AttacksOnReceipts is Attacked {
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
        vm.prank(vm.addr(ALICE));
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
        vm.prank(vm.addr(ALICE));
        BOOK.enforce(batch, receipt);
        require(_balance(ALICE) == 499 * UNIT, "the receipt counts");
    }
}
