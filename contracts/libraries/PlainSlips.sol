// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// The linter does not look into assembly, where these are used.
// solhint-disable no-unused-import

import {
    Desk,
    DESK_AT,
    DESK_EARLIEST,
    DESK_FIXTURE_CAP,
    DESK_FORM,
    DESK_LEAF,
    DESK_LEFT,
    DESK_LINES,
    DESK_LOCKED,
    DESK_MARKETS,
    DESK_MARKET_CAP,
    DESK_OUT,
    DESK_ROOM,
    FORM_ACCOUNT,
    FORM_ACCOUNTS,
    FORM_ACCOUNT_AT,
    FORM_DEADLINE,
    FORM_DIGEST,
    FORM_DIGEST_SIZE,
    FORM_LEAF_CHOICE,
    FORM_LEAF_LEG,
    FORM_LEAF_RECORD,
    FORM_LEAF_SIZE,
    FORM_LEGS_HASH,
    FORM_MIN_ODDS,
    FORM_MIN_ODDS_AT,
    FORM_NONCE,
    FORM_NONCE_AT,
    FORM_PAYOUT,
    FORM_R,
    FORM_S,
    FORM_SIGNED,
    FORM_SLIP_HASH,
    FORM_SLIP_SIZE,
    FORM_STAKE,
    FORM_STAKE_AT,
    FORM_V
} from "./Desk.sol";
import {
    LINE_CLOSES_AT,
    LINE_EXPOSURE,
    LINE_LOCKED,
    LINE_MODE,
    LINE_PLAIN,
    LINE_ROW,
    LINE_SIZE
} from "./Lines.sol";
import {ROW_LOCKED} from "./Rows.sol";

/// @title PlainSlips
/// @notice Places slips as `Placing` does, as far as they are what nearly every slip is: one leg, on an
/// outcome whose leg hash is worked out, signed by the owner's key, with a nonce above all used ones.
///
/// All checks of a kind are one. A slip that fails any changes nothing here and goes the general way,
/// which knows the reasons.
/// @dev By hand, with what a slip shares with all others filled in once and its own fields copied to
/// where they are hashed; what is needed after the signature's recovery is read again, since values
/// kept so long would be shuffled about the stack or worked out twice.
library PlainSlips {
    /// @dev Bytes of such a slip: record 24, tail 9, signature 64.
    uint256 private constant SIZE = 97;
    uint256 private constant RECORD_SIZE = 24;
    uint256 private constant MAX_BALANCE = 0xffffffffffffff;
    /// @dev Markets.PAIRED.
    uint256 private constant PAIRED = 1;
    uint256 private constant EXCLUDED = 0x8000000000000000;
    uint256 private constant NONCE_AND_WINDOW = 0xffffffff0000000000000000;
    uint256 private constant S_BITS =
        0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff;
    uint256 private constant HALF_ORDER =
        0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice Places slips from `desk.at` on until one is not plain or none is left.
    /// @dev Record: account 4 | nonce 3 | stake 8 | accepted after 2 | legs 1 | market 1 | outcome 1
    /// | odds 4. Tail: minimum odds 5 | deadline 2 | signature length 2, with the leg in `entry`.
    function place(Desk memory desk) internal {
        assembly ("memory-safe") {
            let form := mload(add(desk, DESK_FORM))
            let at := mload(add(desk, DESK_AT))
            let leaf := mload(add(desk, DESK_LEAF))
            let out := mload(add(desk, DESK_OUT))
            let left := mload(add(desk, DESK_LEFT))
            for {} left {} {
                let entry := calldataload(add(at, 18))
                let line := add(mload(add(desk, DESK_LINES)), mul(byte(0, entry), LINE_SIZE))
                // A market and an outcome of it that are known; what is not is worked out elsewhere.
                let legsHash := mload(add(line, add(LINE_PLAIN, shl(5, byte(1, entry)))))
                if iszero(legsHash) { break }
                let bad := iszero(lt(byte(0, entry), mload(add(desk, DESK_MARKETS))))
                bad := or(bad, gt(byte(1, entry), 2))
                mstore(add(form, FORM_LEGS_HASH), legsHash)
                calldatacopy(add(form, FORM_ACCOUNT_AT), at, 4)
                calldatacopy(add(form, FORM_NONCE_AT), add(at, 4), 3)
                calldatacopy(add(form, FORM_STAKE_AT), add(at, 7), 8)
                calldatacopy(add(form, FORM_MIN_ODDS_AT), add(at, 24), 5)
                {
                    let times := shr(112, calldataload(at))
                    // One leg, and no signature of a contract.
                    bad := or(bad, xor(and(times, 0xff), 1))
                    bad := or(bad, and(shr(136, entry), 0xffff))
                    times := and(shr(8, times), 0xffff)
                    let deadline := and(shr(152, entry), 0xffff)
                    bad := or(bad, gt(times, deadline))
                    mstore(add(form, FORM_DEADLINE), add(mload(desk), deadline))
                    times := add(times, mload(desk))
                    bad := or(bad, iszero(lt(times, mload(add(line, LINE_CLOSES_AT)))))
                    bad := or(bad, gt(times, timestamp()))
                    bad := or(bad, lt(times, mload(add(desk, DESK_EARLIEST))))
                }
                {
                    let odds := and(shr(208, entry), 0xffffffff)
                    let payout := div(mul(mload(add(form, FORM_STAKE)), odds), 10000)
                    mstore(add(form, FORM_PAYOUT), payout)
                    // With odds above one a payout above nothing is that of a stake above nothing.
                    bad := or(bad, lt(odds, 10001))
                    bad := or(bad, iszero(lt(sub(payout, 1), MAX_BALANCE)))
                    bad := or(bad, lt(odds, mload(add(form, FORM_MIN_ODDS))))
                }
                if bad { break }

                let slot := add(mload(add(form, FORM_ACCOUNTS)), mload(add(form, FORM_ACCOUNT)))
                let account := sload(slot)
                // A nonce that is not above the highest makes `ahead` zero or huge.
                let ahead := sub(mload(add(form, FORM_NONCE)), and(shr(72, account), 0xffffff))
                bad := iszero(lt(sub(ahead, 1), 0xffffff))
                // Only an account that exists has a balance.
                bad := or(bad, lt(and(account, MAX_BALANCE), mload(add(form, FORM_STAKE))))
                bad := or(bad, and(account, EXCLUDED))
                if bad { break }

                mstore(add(form, FORM_SLIP_HASH), keccak256(form, FORM_SLIP_SIZE))
                mstore(add(form, FORM_SIGNED), keccak256(add(form, FORM_DIGEST), FORM_DIGEST_SIZE))
                calldatacopy(add(form, FORM_R), add(at, 33), 64)
                {
                    // The parity of the point is the highest bit of s.
                    let vs := mload(add(form, FORM_S))
                    mstore(add(form, FORM_V), add(shr(255, vs), 27))
                    vs := and(vs, S_BITS)
                    if gt(vs, HALF_ORDER) { break }
                    mstore(add(form, FORM_S), vs)
                }
                mstore(0, 0)
                pop(staticcall(gas(), 1, add(form, FORM_SIGNED), 128, 0, 32))
                if xor(mload(0), shr(96, account)) { break }

                let outcome := byte(19, calldataload(at))
                let exposure :=
                    add(
                        mload(add(line, LINE_EXPOSURE)),
                        or(
                            shl(shl(6, outcome), mload(add(form, FORM_PAYOUT))),
                            shl(192, mload(add(form, FORM_STAKE)))
                        )
                    )
                // What the bankroll must hold for the market beside the stakes, as Markets.locked says.
                let locks := shl(192, exposure)
                {
                    // Amounts are compared where they stand highest; what is below cannot matter.
                    let owed := shl(128, exposure)
                    if gt(owed, locks) { locks := owed }
                    owed := shl(64, exposure)
                    if gt(owed, locks) { locks := owed }
                    locks := shr(192, locks)
                    if mload(add(line, LINE_MODE)) {
                        owed := shl(192, exposure)
                        let sum := shr(192, owed)
                        let other := shl(128, exposure)
                        sum := add(sum, shr(192, other))
                        if lt(other, owed) { owed := other }
                        other := shl(64, exposure)
                        locks := add(sum, shr(192, other))
                        if lt(other, owed) { owed := other }
                        if eq(mload(add(line, LINE_MODE)), PAIRED) {
                            locks := sub(locks, shr(192, owed))
                        }
                    }
                    owed := shr(192, exposure)
                    if lt(locks, owed) { locks := owed }
                    locks := sub(locks, owed)
                }
                {
                    let before := mload(add(line, LINE_LOCKED))
                    let locked := sub(add(mload(add(desk, DESK_LOCKED)), locks), before)
                    let row := mload(add(line, LINE_ROW))
                    let ofFixture := add(mload(add(row, ROW_LOCKED)), locks)
                    if lt(ofFixture, before) { ofFixture := before }
                    ofFixture := sub(ofFixture, before)
                    bad := gt(locked, mload(add(desk, DESK_ROOM)))
                    bad := or(bad, gt(locks, mload(add(desk, DESK_MARKET_CAP))))
                    bad := or(bad, gt(ofFixture, mload(add(desk, DESK_FIXTURE_CAP))))
                    if bad { break }
                    mstore(add(desk, DESK_LOCKED), locked)
                    mstore(add(row, ROW_LOCKED), ofFixture)
                }
                mstore(add(line, LINE_LOCKED), locks)
                mstore(add(line, LINE_EXPOSURE), exposure)

                {
                    // The window moves up by as many nonces as the highest does, over a new lowest
                    // bit; what lies above its eight falls away.
                    let window := and(shl(sub(ahead, 1), or(shr(63, account), 1)), 0xff)
                    let nonce := mload(add(form, FORM_NONCE))
                    account := and(account, not(NONCE_AND_WINDOW))
                    account := or(account, or(shl(72, nonce), shl(64, window)))
                    sstore(slot, sub(account, mload(add(form, FORM_STAKE))))
                }
                mstore(add(form, FORM_LEAF_LEG), mload(line))
                calldatacopy(add(form, FORM_LEAF_CHOICE), add(at, 19), 5)
                calldatacopy(add(form, FORM_LEAF_RECORD), at, 18)
                mstore(leaf, keccak256(add(form, FORM_LEAF_LEG), FORM_LEAF_SIZE))
                leaf := add(leaf, 32)
                calldatacopy(out, at, RECORD_SIZE)
                out := add(out, RECORD_SIZE)
                at := add(at, SIZE)
                left := sub(left, 1)
            }
            mstore(add(desk, DESK_AT), at)
            mstore(add(desk, DESK_LEAF), leaf)
            mstore(add(desk, DESK_OUT), out)
            mstore(add(desk, DESK_LEFT), left)
        }
    }
}
