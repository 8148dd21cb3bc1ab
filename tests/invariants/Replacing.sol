// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Signature} from "../../contracts/libraries/Signatures.sol";
import {Ends} from "./Ends.sol";
import {vm} from "./Vm.sol";

/// @title Replacing
/// @notice Enforces receipts instead of the bets that were made of their slips.
abstract contract Replacing is Ends {
    /// @dev By the owner of the account, with a receipt of any key, instead of any bet. Nobody else is
    /// let.
    /// @return reason 0 if the bet was replaced.
    function _enforceInstead(Slip memory slip, Place memory place, uint256 key)
        internal
        returns (bytes4 reason)
    {
        Slip[] memory slips = _alone(slip);
        (bytes memory batch, bytes[] memory records) = _pack(slips, slip.acceptedAt, false);
        Signature memory receipt = _receipt(slip, key);
        ISportsbook.Run memory run = _runOf(place);
        Bet memory bet = bets_[place.batch][place.bet];
        if (!bet.isSettled) _checkAnother(run, batch, receipt);
        uint64 free = BOOK.houseFree();
        vm.recordLogs();
        vm.prank(_owner(bet.bettor));
        try BOOK.enforceInstead(run, batch, receipt) returns (uint256 id) {
            _checkReplaced(slip, place, key);
            _endReplaced(place);
            require(_keep(id, slips, records, Road.Replacement) == 1, "replaced by no bet");
            require(BOOK.houseFree() + _riskOf(slip) >= free, "a receipt locked more than its risk");
        } catch (bytes memory why) {
            reason = bytes4(why);
        }
    }

    /// @dev Slips are public, and so is a receipt once it is used: whoever is not the owner could make
    /// the bet worse.
    function _checkAnother(ISportsbook.Run memory run, bytes memory batch, Signature memory receipt)
        private
    {
        try BOOK.enforceInstead(run, batch, receipt) {
            revert("another than the owner replaced a bet");
        } catch (bytes memory why) {
            require(bytes4(why) == ISportsbook.NotOwnerOf.selector, "refused otherwise");
            _done("replacement by another refused");
        }
    }

    /// @dev A bet with the same picks and stake, at other terms. The budget pays for its stake as well
    /// if a market is in play: there another time of acceptance can make a lost bet void.
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
        _spend(key, _riskOf(slip) + (_isInPlay(slip) ? slip.stake : 0));
        if (block.timestamp > bet.acceptedAt + RECEIPT_WINDOW) _done("old bet replaced");
    }

    function _endReplaced(Place memory place) private {
        Bet memory bet = bets_[place.batch][place.bet];
        balances[bet.bettor] += bet.stake;
        pool -= bet.stake;
        _endBet(place.batch, place.bet);
        isUsed_[bet.bettor][bet.nonce] = false;
    }
}
