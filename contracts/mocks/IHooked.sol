// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title IHooked
/// @notice Callbacks of HookToken.
interface IHooked {
    function tokensToSend() external;
    function tokensReceived() external;
}
