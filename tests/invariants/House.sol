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
/// @notice The contracts as Brownie compiled them, with this contract as owner, operator, provider
/// and arbiter, and what it takes to sign and pack for them: written independently, from
/// the text of ISportsbook.
contract House {
    uint40 internal constant RECEIPT_WINDOW = 600;
    uint40 internal constant EXIT_DELAY = 1_200;
    uint40 internal constant DISPUTE_WINDOW = 60;
    uint256 internal constant UNIT = 1e6;
    /// @dev So little that bets use all of it at times.
    uint256 internal constant BANKROLL = 2_000 * UNIT;
    uint256 internal constant HOUSE_KEY = 0xA11CE;

    bytes32 private constant DOMAIN = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    string private constant LEG =
        "Leg(string fixture,uint40 startsAt,string market,string period,int16 lineQuarters,bool inPlay,string outcome)";
    string private constant SLIP =
        "Slip(uint32 account,uint64 stakeMicro,uint40 minOddsE4,uint24 nonce,uint40 deadline,Leg[] legs)";
    string private constant RESULT =
        "Result(bytes16 fixture,uint8 status,uint8 homeHalf,uint8 awayHalf,uint8 homeFull,uint8 awayFull,uint40 settledAt)";

    /// @dev A leg as a wallet shows it; the fixture's name by its hash.
    struct LegText {
        bytes32 name;
        uint40 startsAt;
        string market;
        int16 line;
        bool inPlay;
        string outcome;
    }

    IToken public immutable TOKEN;
    IResults public immutable RESULTS;
    ISportsbook public immutable BOOK;
    IBankroll public immutable BANK;

    uint256[3] private signerKeys_ = [uint256(0x51), 0x52, 0x53];

    constructor() {
        address[] memory signers = new address[](3);
        for (uint256 i; i < 3; ++i) {
            signers[i] = vm.addr(signerKeys_[i]);
        }
        TOKEN = IToken(_deploy("TestToken", ""));
        IResults.Council memory first = IResults.Council(signers, 2, address(this));
        RESULTS = IResults(
            _deploy(
                "Results",
                abi.encode(
                    address(this), TOKEN, DISPUTE_WINDOW, EXIT_DELAY + 600, uint64(UNIT), first
                )
            )
        );
        BOOK = ISportsbook(
            _deploy(
                "Sportsbook",
                abi.encode(
                    address(this),
                    TOKEN,
                    RESULTS,
                    _deploy("Settling", ""),
                    RECEIPT_WINDOW,
                    EXIT_DELAY
                )
            )
        );
        BANK = IBankroll(_deploy("Bankroll", abi.encode(TOKEN, BOOK, uint256(0), address(0))));
        ISetUp(address(RESULTS)).setSportsbook(address(BOOK));
        BOOK.setBankroll(address(BANK));
        BOOK.setOperator(address(this), true);
        BOOK.setSigner(vm.addr(HOUSE_KEY), true);
        TOKEN.mint(address(this), 1e15);
        TOKEN.approve(address(BOOK), type(uint256).max);
        TOKEN.approve(address(BANK), type(uint256).max);
        BANK.deposit(BANKROLL, address(this));
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

    function _short(uint256 key, bytes32 digest) private pure returns (Signature memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return Signature(r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }

    /// @dev Two of the three, in ascending order of their addresses.
    function _signResult(uint256 result) internal view returns (Signature[] memory signatures) {
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
                keccak256(abi.encodePacked("ResultSheet(Result[] results)", RESULT)),
                keccak256(abi.encodePacked(one))
            )
        );
        bytes32 digest = _digest("Fairline Results", address(RESULTS), sheet);
        (uint256 a, uint256 b) = (signerKeys_[0], signerKeys_[1]);
        if (vm.addr(a) > vm.addr(b)) (a, b) = (b, a);
        signatures = new Signature[](2);
        signatures[0] = _short(a, digest);
        signatures[1] = _short(b, digest);
    }

    function _legHash(LegText memory leg) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(bytes(LEG)),
                leg.name,
                leg.startsAt,
                keccak256(bytes(leg.market)),
                keccak256("Full time"),
                leg.line,
                leg.inPlay,
                keccak256(bytes(leg.outcome))
            )
        );
    }

    function _slipHash(
        uint32 account,
        uint64 stake,
        uint24 nonce,
        uint40 deadline,
        bytes32[] memory legs
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(abi.encodePacked(SLIP, LEG)),
                account,
                stake,
                uint40(0),
                nonce,
                deadline,
                keccak256(abi.encodePacked(legs))
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
                    "CashOut(uint32 account,uint48 batch,uint8 bet,uint64 stakeMicro,uint64 priceMicro,uint40 deadline)"
                ),
                account,
                batch,
                bet,
                offer.stake,
                offer.price,
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
        part = new bytes(size);
        for (uint256 i; i < size; ++i) {
            part[i] = data[at + i];
        }
    }

    function _number(bytes memory data, uint256 at, uint256 size)
        internal
        pure
        returns (uint256 value)
    {
        for (uint256 i; i < size; ++i) {
            value = (value << 8) | uint8(data[at + i]);
        }
    }

    function _deploy(string memory name, bytes memory arguments) private returns (address made) {
        string memory built = vm.readFile(string.concat("build/contracts/", name, ".json"));
        bytes memory code = abi.encodePacked(
            vm.parseBytes(string.concat("0x", vm.parseJsonString(built, ".bytecode"))), arguments
        );
        assembly {
            made := create(0, add(code, 32), mload(code))
        }
        require(made != address(0), "not deployed");
    }
}
