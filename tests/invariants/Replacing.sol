// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Signature} from "../../contracts/libraries/Signatures.sol";
import {Ends} from "./Ends.sol";
import {vm} from "./Vm.sol";

/// @title Replacing
/// @notice Enforces receipts instead of the bets that were made of their slips.
abstract contract Replacing is Ends {
    /// @dev With a receipt of any key, instead of any bet.
    /// @return reason 0 if the bet was replaced.
    function _enforceInstead(Slip memory slip, Place memory place, uint256 key)
        internal
        returns (bytes4 reason)
    {
        Slip[] memory slips = _alone(slip);
        (bytes memory batch, bytes[] memory records) = _pack(slips, slip.acceptedAt, false);
        Signature memory receipt = _receipt(slip, key);
        ISportsbook.Run memory run = _runOf(place);
        uint64 free = BOOK.houseFree();
        vm.recordLogs();
        try BOOK.enforceInstead(run, batch, receipt) returns (uint256 id) {
            _checkReplaced(slip, place, key);
            _endReplaced(place);
            require(_keep(id, slips, records, Road.Receipt) == 1, "replaced by no bet");
            require(BOOK.houseFree() + _riskOf(slip) >= free, "a receipt locked more than its risk");
        } catch (bytes memory why) {
            reason = bytes4(why);
        }
    }

    /// @dev A young bet with the same picks and stake, at other terms; and the budget pays for its stake
    /// as well.
    function _checkReplaced(Slip memory slip, Place memory place, uint256 key) private {
        Bet memory bet = bets_[place.batch][place.bet];
        _checkReceipt(slip, key);
        require(!bet.isSettled, "a bet that had ended was replaced");
        require(bet.bettor == slip.bettor && bet.nonce == slip.nonce, "another bet was replaced");
        require(
            bet.stake == slip.stake && _haveSamePicks(bet, slip),
            "a bet was taken back by a receipt"
        );
        require(
            bet.acceptedAt != slip.acceptedAt || bet.legs != slip.legs, "a bet replaced by itself"
        );
        require(block.timestamp <= bet.acceptedAt + RECEIPT_WINDOW, "a bet that was too old");
        _spend(key, _riskOf(slip) + slip.stake);
    }

    function _endReplaced(Place memory place) private {
        Bet memory bet = bets_[place.batch][place.bet];
        balances[bet.bettor] += bet.stake;
        pool -= bet.stake;
        _endBet(place.batch, place.bet);
        isUsed_[bet.bettor][bet.nonce] = false;
    }
}
