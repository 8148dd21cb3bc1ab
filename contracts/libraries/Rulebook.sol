// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IResults} from "../interfaces/IResults.sol";
import {ISportsbook} from "../interfaces/ISportsbook.sol";

/// @title Rulebook
/// @notice Checks with what a sportsbook is deployed: the bounds of its rules, and its code.
library Rulebook {
    /// @dev Longest lag of a mirror of the chain on which the house accepts slips.
    uint40 private constant MAX_LAG = 5 minutes;

    /// @notice Reverts with CodeMissing. A delegatecall to an address without code succeeds, and does
    /// nothing.
    function checkCode(ISportsbook.Code memory code) internal view {
        if (code.settling.code.length == 0) revert ISportsbook.CodeMissing(code.settling);
        if (code.selfService.code.length == 0) revert ISportsbook.CodeMissing(code.selfService);
        if (code.administration.code.length == 0) {
            revert ISportsbook.CodeMissing(code.administration);
        }
    }

    /// @notice Reverts with RuleOutOfBounds.
    function checkRules(ISportsbook.Rules memory rules, IResults results) internal view {
        uint256 receiptWindow = rules.receiptWindow;
        _check("batchWindow", rules.batchWindow, 1, 2 minutes);
        _check("receiptWindow", receiptWindow, 2 * uint256(rules.batchWindow), 1 hours);
        // A slip can be accepted on a mirror that lags, and enforced until the end of its window.
        uint256 shortest = 2 * receiptWindow + MAX_LAG;
        _check("exitDelay", rules.exitDelay, shortest, 7 days);
        // Who does not trust a new council, key or limit can leave before it counts.
        shortest = uint256(rules.exitDelay) + receiptWindow;
        _check("notice", rules.notice, shortest, 30 days);
        _check("councilNotice", results.NOTICE(), shortest, 30 days);
        // No bet is placed once its result is final.
        _check("disputeWindow", results.DISPUTE_WINDOW(), receiptWindow, 7 days);
        // A bet that a receipt enforces cannot be cashed out in the same block.
        _check("cashOutAge", rules.cashOutAge, receiptWindow + 1, 1 days);
        _check("horizon", rules.horizon, 1 days, 400 days);
    }

    function _check(string memory rule, uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) {
            revert ISportsbook.RuleOutOfBounds(rule, value, least, most);
        }
    }
}
