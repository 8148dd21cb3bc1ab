// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../../contracts/interfaces/ISportsbook.sol";
import {IResults} from "../../../contracts/interfaces/IResults.sol";
import {Attacked} from "./Attacked.sol";
import {vm} from "../Vm.sol";

/// @title AttacksByTheOwner
/// @notice Attacks by the owner of the contracts, that worked on version 2 of the
/// contracts: each is refused now, or takes nothing. The names have the numbers of docs/attacks.md.
contract AttacksByTheOwner is Attacked {
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
}
