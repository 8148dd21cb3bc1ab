// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ResultStore} from "./ResultStore.sol";
import {SettlingByResults} from "./SettlingByResults.sol";
import {SettlingEarly} from "./SettlingEarly.sol";

/// @title Settling
/// @notice Everything that ends a bet, in one contract: `ResultStore` stores results,
/// `SettlingByResults` settles bets by them, and `SettlingEarly` ends bets before their results.
/// `SettlingRuns` reads and proves the bets for both.
/// @dev The sportsbook checks who may store results. It runs this code by delegatecall, on its own
/// storage: together they would exceed the limit of 24,576 bytes. Called directly, the code finds
/// no bets.
contract Settling is ResultStore, SettlingByResults, SettlingEarly {
    constructor() EIP712("Fairline", "1") {}
}
