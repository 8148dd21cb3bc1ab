// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {vm} from "./Vm.sol";

/// @title Tally
/// @notice Counts what was asked for and what was done.
abstract contract Tally {
    string private constant TALLY = "build/invariants/tally.txt";

    /// @notice How often something was asked for, and how often something was done.
    uint256 public asked;
    uint256 public done;
    string[] private names_;
    mapping(string what => uint256) private counts_;

    modifier counted() {
        ++asked;
        _;
    }

    function _done(string memory what) internal {
        ++done;
        if (counts_[what]++ == 0) names_.push(what);
    }

    function _writeTally() internal {
        string memory line;
        for (uint256 i; i < names_.length; ++i) {
            line = string.concat(line, names_[i], "=", vm.toString(counts_[names_[i]]), ";");
        }
        vm.writeLine(TALLY, line);
    }

    /// @dev Forge prefers small numbers, and those that it has seen.
    function _mix(uint256 seed, uint256 i) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, i)));
    }
}
