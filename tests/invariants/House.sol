// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IBankroll} from "../../contracts/interfaces/IBankroll.sol";
import {IResults} from "../../contracts/interfaces/IResults.sol";
import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Signature} from "../../contracts/libraries/Signatures.sol";
import {vm} from "./Vm.sol";

interface IToken {
    function mint(address to, uint256 amount) external;
    function approve(address spender, uint256 amount) external returns (bool);
    function balanceOf(address owner) external view returns (uint256);
}

interface ISetUp {
    function setSportsbook(address sportsbook) external;
}

/// @title House
/// @notice The contracts as Brownie compiled them, with this contract as owner, guardian and arbiter,
/// and what it takes to sign and pack for them: written independently, from the text of the
/// interfaces.
abstract contract House {
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

    bytes32 private constant DOMAIN = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    string private constant LEG =
        "Leg(string fixture,uint40 startsAt,string market,string period,int16 lineQuarters,bool inPlay,string outcome)";
    string private constant SLIP =
        "Slip(uint32 account,uint64 stakeMicro,uint40 minOddsE4,uint24 nonce,uint40 deadline,Leg[] legs)";
    string private constant QUOTE =
        "Quote(uint32 account,uint24 nonce,uint64 maxStakeMicro,uint40 deadline,uint32[] oddsE4,Leg[] legs)";
    string private constant RESULT =
        "Result(bytes16 fixture,uint8 status,uint8 homeHalf,uint8 awayHalf,uint8 homeFull,uint8 awayFull,uint40 settledAt)";

    /// @dev A leg as a wallet shows it; the fixture's name by its hash.
    struct LegText {
        bytes32 name;
        uint40 startsAt;
        string market;
        string period;
        int16 line;
        bool inPlay;
        string outcome;
    }

    IToken public immutable TOKEN;
    IResults public immutable RESULTS;
    ISportsbook public immutable BOOK;
    IBankroll public immutable BANK;

    constructor() {
        vm.warp(T0);
        TOKEN = IToken(_deploy("TestToken", ""));
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

    // -- Signing

    function _digest(string memory name, address verifying, bytes32 structHash)
        internal
        view
        returns (bytes32)
    {
        bytes32 separator = keccak256(
            abi.encode(DOMAIN, keccak256(bytes(name)), keccak256("1"), block.chainid, verifying)
        );
        return keccak256(abi.encodePacked(hex"1901", separator, structHash));
    }

    function _sign(uint256 key, bytes32 structHash) internal view returns (Signature memory) {
        return _short(key, _digest("Fairline", address(BOOK), structHash));
    }

    function _short(uint256 key, bytes32 digest) internal pure returns (Signature memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return Signature(r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }

    /// @dev Two signers of a term, in ascending order of their addresses.
    function _signResult(uint256 result, uint24 term, uint40 deadline)
        internal
        view
        returns (Signature[] memory signatures)
    {
        bytes32 one = keccak256(
            abi.encode(
                keccak256(bytes(RESULT)),
                bytes16(uint128(result >> 128)),
                uint8(result >> 120),
                uint8(result >> 112),
                uint8(result >> 104),
                uint8(result >> 96),
                uint8(result >> 88),
                uint40(result >> 48)
            )
        );
        bytes32 sheet = keccak256(
            abi.encode(
                keccak256(
                    abi.encodePacked(
                        "ResultSheet(uint24 term,uint40 deadline,Result[] results)", RESULT
                    )
                ),
                term,
                deadline,
                keccak256(abi.encodePacked(one))
            )
        );
        bytes32 digest = _digest("Fairline Results", address(RESULTS), sheet);
        (uint256 a, uint256 b) = (_signerKey(term, 0), _signerKey(term, 1));
        if (vm.addr(a) > vm.addr(b)) (a, b) = (b, a);
        signatures = new Signature[](2);
        signatures[0] = _short(a, digest);
        signatures[1] = _short(b, digest);
    }

    function _publish(uint256 result, uint24 term) internal {
        uint256[] memory results = new uint256[](1);
        results[0] = result;
        uint40 deadline = uint40(block.timestamp);
        RESULTS.publish(results, term, deadline, _signResult(result, term, deadline));
    }

    function _legHash(LegText memory leg) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(bytes(LEG)),
                leg.name,
                leg.startsAt,
                keccak256(bytes(leg.market)),
                keccak256(bytes(leg.period)),
                leg.line,
                leg.inPlay,
                keccak256(bytes(leg.outcome))
            )
        );
    }

    function _slipHash(
        uint32 account,
        uint64 stake,
        uint40 minOdds,
        uint24 nonce,
        uint40 deadline,
        bytes32[] memory legs
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(abi.encodePacked(SLIP, LEG)),
                account,
                stake,
                minOdds,
                nonce,
                deadline,
                keccak256(abi.encodePacked(legs))
            )
        );
    }

    function _receiptHash(bytes32 slip, uint40 acceptedAt, uint256[] memory odds)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                keccak256("Receipt(bytes32 slip,uint40 acceptedAt,uint32[] oddsE4)"),
                slip,
                acceptedAt,
                keccak256(abi.encodePacked(odds))
            )
        );
    }

    function _quoteHash(
        ISportsbook.Quote memory quote,
        uint256[] memory odds,
        bytes32[] memory legs
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(abi.encodePacked(QUOTE, LEG)),
                quote.account,
                quote.nonce,
                quote.maxStake,
                quote.deadline,
                keccak256(abi.encodePacked(odds)),
                keccak256(abi.encodePacked(legs))
            )
        );
    }

    function _withdrawalHash(uint32 account, uint64 amount, uint40 deadline, uint8 sequence)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                keccak256(
                    "Withdrawal(uint32 account,uint64 amountMicro,uint40 deadline,uint8 sequence)"
                ),
                account,
                amount,
                deadline,
                sequence
            )
        );
    }

    function _cashOutHash(
        uint32 account,
        uint256 batch,
        uint256 bet,
        ISportsbook.CashOut memory offer
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "CashOut(uint32 account,uint48 batch,uint8 bet,uint64 stakeMicro,uint64 priceMicro,uint40 offeredAt,uint40 deadline)"
                ),
                account,
                batch,
                bet,
                offer.stake,
                offer.price,
                offer.offeredAt,
                offer.deadline
            )
        );
    }

    // -- Proving

    /// @dev Hash of a bet: 26 bytes of its market, 0, outcome and odds a leg; then the record's head
    /// and the time that it counts from.
    function _leaf(bytes memory markets, bytes memory record) internal pure returns (bytes32) {
        bytes memory legs;
        for (uint256 i; i < uint8(record[17]); ++i) {
            uint256 at = 18 + 6 * i;
            legs = abi.encodePacked(
                legs,
                _cut(markets, 5 + 26 * uint256(uint8(record[at])), 26),
                uint8(0),
                _cut(record, at + 1, 5)
            );
        }
        return keccak256(abi.encodePacked(legs, _cut(record, 0, 18), _cut(markets, 0, 5)));
    }

    function _whole(bytes memory markets, bytes[] memory records) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                uint8((markets.length - 5) / 26), markets, _join(records, 0, records.length)
            )
        );
    }

    function _join(bytes[] memory records, uint256 first, uint256 count)
        internal
        pure
        returns (bytes memory all)
    {
        for (uint256 i; i < count; ++i) {
            all = abi.encodePacked(all, records[first + i]);
        }
    }

    /// @dev The proof of `count` bets from number `first`, as ISportsbook.Run has it.
    function _proof(bytes memory markets, bytes[] memory records, uint256 first, uint256 count)
        internal
        pure
        returns (bytes32[] memory)
    {
        uint256 width = records.length;
        bytes32[] memory level = new bytes32[](width);
        for (uint256 i; i < width; ++i) {
            level[i] = _leaf(markets, records[i]);
        }
        bytes32[] memory found = new bytes32[](20);
        bool all = count == width && width > 1;
        uint256 size = all ? 0 : 1;
        if (!all) found[0] = _whole(markets, records);
        (uint256 low, uint256 high) = (first, first + count - 1);
        while (width > 1) {
            if (!all) {
                if (low % 2 == 1) found[size++] = level[low - 1];
                if (high % 2 == 0 && high + 1 < width) found[size++] = level[high + 1];
            }
            for (uint256 i; i < width; i += 2) {
                level[i / 2] =
                    i + 1 < width ? keccak256(abi.encodePacked(level[i], level[i + 1])) : level[i];
            }
            (low, high, width) = (low / 2, high / 2, (width + 1) / 2);
        }
        if (all) found[size++] = level[0];
        bytes32[] memory proof = new bytes32[](size);
        for (uint256 i; i < size; ++i) {
            proof[i] = found[i];
        }
        return proof;
    }

    function _cut(bytes memory data, uint256 at, uint256 size)
        internal
        pure
        returns (bytes memory part)
    {
        require(at + size <= data.length, "cut beyond the end");
        part = new bytes(size);
        assembly {
            let from := add(add(data, 32), at)
            let to := add(part, 32)
            // Whole words, then the rest with the bytes after it cleared
            for { let end := add(to, and(size, not(31))) } lt(to, end) { to := add(to, 32) } {
                mstore(to, mload(from))
                from := add(from, 32)
            }
            let unused := shl(3, sub(32, and(size, 31)))
            if and(size, 31) { mstore(to, shl(unused, shr(unused, mload(from)))) }
        }
    }

    function _number(bytes memory data, uint256 at, uint256 size)
        internal
        pure
        returns (uint256 value)
    {
        require(at + size <= data.length, "read beyond the end");
        assembly {
            value := shr(sub(256, shl(3, size)), mload(add(add(data, 32), at)))
        }
    }

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
