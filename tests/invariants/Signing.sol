// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Signature} from "../../contracts/libraries/Signatures.sol";
import {House} from "./House.sol";
import {vm} from "./Vm.sol";

/// @title Signing
/// @notice What wallets, the house and result signers sign: written independently, from the text of
/// the interfaces.
abstract contract Signing is House {
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

    function _requestHash(ISportsbook.Request memory asked) internal pure returns (bytes32) {
        string[4] memory actions = [
            "Request an exit of micro",
            "Exit",
            "Exclude the account until",
            "Cancel slips with nonces up to"
        ];
        return keccak256(
            abi.encode(
                keccak256(
                    "Request(uint32 account,string action,uint64 value,uint64 feeMicro,uint40 number,uint40 deadline)"
                ),
                asked.account,
                keccak256(bytes(actions[uint256(asked.action)])),
                asked.value,
                asked.fee,
                asked.number,
                asked.deadline
            )
        );
    }

    // -- Tokens

    /// @dev Without a limit in time.
    function _permit(address owner, uint256 key, uint256 amount)
        internal
        view
        returns (uint8 v, bytes32 r, bytes32 s)
    {
        bytes32 hash = keccak256(
            abi.encode(
                keccak256(
                    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
                ),
                owner,
                BOOK,
                amount,
                TOKEN.nonces(owner),
                type(uint256).max
            )
        );
        return vm.sign(key, _digest("Fairline Test Dollar", address(TOKEN), hash));
    }

    /// @dev By EIP-3009, without a limit in time.
    function _authorize(address owner, uint256 key, uint256 amount, bytes32 nonce)
        internal
        view
        returns (uint8 v, bytes32 r, bytes32 s)
    {
        bytes32 hash = keccak256(
            abi.encode(
                keccak256(
                    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
                ),
                owner,
                BOOK,
                amount,
                0,
                type(uint256).max,
                nonce
            )
        );
        return vm.sign(key, _digest("Fairline Test Dollar", address(TOKEN), hash));
    }
}
