// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IBankroll} from "../../contracts/interfaces/IBankroll.sol";
import {IResults} from "../../contracts/interfaces/IResults.sol";
import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Proofs} from "./Proofs.sol";
import {vm} from "./Vm.sol";

interface IToken {
    function mint(address to, uint256 amount) external;
    function approve(address spender, uint256 amount) external returns (bool);
    function balanceOf(address owner) external view returns (uint256);
    function allowance(address owner, address spender) external view returns (uint256);
    function nonces(address owner) external view returns (uint256);
    function permit(
        address owner,
        address spender,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;
}

interface ISetUp {
    function setSportsbook(address sportsbook) external;
}

/// @title House
/// @notice The contracts as Brownie compiled them, with this contract as owner, guardian and arbiter,
/// and what it takes to sign and pack for them: written independently, from the text of the
/// interfaces.
abstract contract House is Proofs {
    uint40 internal constant T0 = 2_000_000_000;
    uint40 internal constant BATCH_WINDOW = 60;
    uint40 internal constant RECEIPT_WINDOW = 600;
    uint40 internal constant EXIT_DELAY = 1_500;
    uint40 internal constant CASH_OUT_AGE = 601;
    uint40 internal constant NOTICE = 2_100;
    uint40 internal constant HORIZON = 400 days;
    uint40 internal constant DISPUTE_WINDOW = 600;
    uint64 internal constant BOND = 1e6;
    uint256 internal constant UNIT = 1e6;

    IToken public immutable TOKEN;
    IResults public immutable RESULTS;
    ISportsbook public immutable BOOK;
    IBankroll public immutable BANK;

    constructor() {
        vm.warp(T0);
        TOKEN = IToken(_deploy("DollarToken", ""));
        RESULTS = IResults(
            _deploy(
                "Results",
                abi.encode(address(this), TOKEN, DISPUTE_WINDOW, NOTICE, BOND, _council(1))
            )
        );
        BOOK = ISportsbook(_deployBook());
        BANK = IBankroll(BOOK.BANKROLL());
        ISetUp(address(RESULTS)).setSportsbook(address(BOOK));
        BOOK.setGuardian(address(this));
        TOKEN.mint(address(this), 1e15);
        TOKEN.approve(address(BOOK), type(uint256).max);
        TOKEN.approve(address(BANK), type(uint256).max);
        TOKEN.approve(address(RESULTS), type(uint256).max);
    }

    // -- What a house starts with

    function _firstKeys() internal virtual returns (ISportsbook.KeyGrant[] memory);

    function _firstLimits() internal pure virtual returns (ISportsbook.Limits memory);

    /// @dev In hundredths of a percent, and to whom.
    function _commission() internal pure virtual returns (uint256, address) {
        return (0, address(0));
    }

    /// @dev Each term has three signers of its own, of whom two decide.
    function _council(uint24 term) internal view returns (IResults.Council memory) {
        address[] memory signers = new address[](3);
        for (uint256 i; i < 3; ++i) {
            signers[i] = vm.addr(_signerKey(term, i));
        }
        return IResults.Council(signers, 2, address(this));
    }

    function _signerKey(uint24 term, uint256 i) internal pure returns (uint256) {
        return 0x5000 + 16 * uint256(term) + i;
    }

    function _deployBook() internal returns (address) {
        (uint256 commission, address to) = _commission();
        return _deploy(
            "Sportsbook",
            abi.encode(
                address(this),
                TOKEN,
                RESULTS,
                ISportsbook.Code(
                    _deploy("Settling", ""),
                    _deploy("SelfService", ""),
                    _deploy("Administration", "")
                ),
                ISportsbook.Rules(
                    BATCH_WINDOW, RECEIPT_WINDOW, EXIT_DELAY, CASH_OUT_AGE, NOTICE, HORIZON
                ),
                _firstLimits(),
                _firstKeys(),
                commission,
                to
            )
        );
    }

    // -- Deploying

    /// @dev Frees its memory again: a build file is large, and memory costs by its square.
    function _deploy(string memory name, bytes memory arguments) internal returns (address made) {
        uint256 free;
        assembly {
            free := mload(0x40)
        }
        string memory built = vm.readFile(string.concat("build/contracts/", name, ".json"));
        bytes memory code = abi.encodePacked(
            vm.parseBytes(string.concat("0x", vm.parseJsonString(built, ".bytecode"))), arguments
        );
        assembly {
            made := create(0, add(code, 32), mload(code))
            if iszero(made) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
            mstore(0x40, free)
        }
    }
}
