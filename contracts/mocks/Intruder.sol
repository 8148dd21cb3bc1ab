// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// Makes whatever call it is told to.
// solhint-disable avoid-low-level-calls

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IHooked} from "./IHooked.sol";

/// @title Intruder
/// @notice Makes a call in the middle of another: when its tokens leave or arrive, or when it is asked
/// for a signature.
contract Intruder is IHooked {
    enum Moment {
        Never,
        Sending,
        Receiving,
        Refusing
    }

    error Refused();

    Moment private moment_;
    address private target_;
    bytes private data_;
    bool public entered;
    bool public succeeded;
    bytes public answer;

    /// @notice Make this call, once, at this moment.
    function prepare(Moment moment, address target, bytes calldata data) external {
        (moment_, target_, data_, entered) = (moment, target, data, false);
    }

    function execute(address target, bytes calldata data) external {
        (bool done, bytes memory said) = target.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(said, 32), mload(said))
            }
        }
    }

    /// @inheritdoc IHooked
    function tokensToSend() external {
        if (moment_ == Moment.Sending) _enter();
    }

    /// @inheritdoc IHooked
    function tokensReceived() external {
        if (moment_ == Moment.Refusing) revert Refused();
        if (moment_ == Moment.Receiving) _enter();
    }

    /// @notice Says yes to whatever is asked, if the call in between was made.
    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        (bool done,) = target_.call(data_);
        return done ? IERC1271.isValidSignature.selector : bytes4(0);
    }

    function _enter() private {
        if (entered) return;
        entered = true;
        (succeeded, answer) = target_.call(data_);
    }
}
