// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// Makes any call it is given.
// solhint-disable avoid-low-level-calls

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IHooked} from "./IHooked.sol";

/// @title Intruder
/// @notice Makes a call within another call: when its tokens leave or arrive, or when its
/// signature is checked.
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

    /// @notice Set a call to make once, at `moment`.
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

    /// @notice Accepts any signature if the nested call succeeds.
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
