// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// The linter does not look into assembly, where these are used.
// solhint-disable no-unused-import

import {FIXTURE_LOCKED} from "./FixtureEntries.sol";
import {
    PLACING_MARKET_CLOSES_AT,
    PLACING_MARKET_SIZE,
    PLACING_MARKET_EXPOSURE,
    PLACING_MARKET_FIXTURE,
    PLACING_MARKET_LOCKED,
    PLACING_MARKET_MODE,
    PLACING_MARKET_SINGLE_HASHES
} from "./PlacingMarkets.sol";
import {
    PLACING_CAPACITY,
    PLACING_EARLIEST_ACCEPTANCE,
    PLACING_EVENT_AT,
    PLACING_FIXTURE_CAP,
    PLACING_LEAF_AT,
    PLACING_LOCKED,
    PLACING_MARKETS,
    PLACING_MARKET_CAP,
    PLACING_MARKET_COUNT,
    PLACING_SLIPS_LEFT,
    PLACING_SLIP_AT,
    PLACING_TEMPLATE,
    PlacingState
} from "./PlacingState.sol";
import {
    TEMPLATE_ACCOUNT,
    TEMPLATE_ACCOUNTS,
    TEMPLATE_ACCOUNT_AT,
    TEMPLATE_DEADLINE,
    TEMPLATE_DIGEST,
    TEMPLATE_LEAF,
    TEMPLATE_LEAF_CHOICE_AT,
    TEMPLATE_LEAF_RECORD_AT,
    TEMPLATE_LEAF_SIZE,
    TEMPLATE_LEGS_HASH,
    TEMPLATE_MIN_ODDS,
    TEMPLATE_MIN_ODDS_AT,
    TEMPLATE_NONCE,
    TEMPLATE_NONCE_AT,
    TEMPLATE_PAYOUT,
    TEMPLATE_R,
    TEMPLATE_S,
    TEMPLATE_SIGNED,
    TEMPLATE_SIGNED_SIZE,
    TEMPLATE_SLIP_HASH,
    TEMPLATE_SLIP_SIZE,
    TEMPLATE_STAKE,
    TEMPLATE_STAKE_AT,
    TEMPLATE_V
} from "./SlipTemplate.sol";

/// @title PlacingFastPath
/// @notice Places plain slips, as `Placing` does: slips of one leg, on a market with two or three
/// fixed outcomes, signed by the owner's key, with a nonce above all used ones. Most slips are
/// plain. Stops at the first slip that is not plain or fails any check, with nothing changed for
/// it, and leaves it to the slow path, which knows the reasons.
/// @dev In assembly, because most of what placing computes is here. What all slips of a batch
/// share is in the template already; a slip's own fields are copied to where they are hashed.
/// Values needed after the recovery of the signer are read again: kept on the stack, they would be
/// moved about or computed twice.
///
/// Bytes of a plain slip, 97:
///   record     [0,4) account, [4,7) nonce, [7,15) stake, [15,17) accepted after, [17] number of
///              legs, 1, [18] market index, [19] outcome, [20,24) odds
///   tail       [24,29) minimum odds, [29,31) deadline, [31,33) signature length, 0
///   signature  [33,65) r, [65,97) vs
library PlacingFastPath {
    /// @dev Bytes of a plain slip, and of its record.
    uint256 private constant SIZE = 97;
    uint256 private constant RECORD_SIZE = 24;
    uint256 private constant MAX_BALANCE = 0xffffffffffffff;
    /// @dev As Markets.PAIRED; assembly cannot use constants of another library.
    uint256 private constant PAIRED = 1;
    /// @dev Bits of the account word, see Accounts.
    uint256 private constant RESTRICTED = 0x8000000000000000;
    uint256 private constant NONCE_AND_WINDOW = 0xffffffff0000000000000000;
    /// @dev All bits of `vs` but the parity, and the largest s that counts.
    uint256 private constant S_BITS =
        0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff;
    uint256 private constant HALF_ORDER =
        0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice Place slips from `state.slipAt` on until one is not plain or none is left.
    function place(PlacingState memory state) internal {
        assembly ("memory-safe") {
            let template := mload(add(state, PLACING_TEMPLATE))
            let at := mload(add(state, PLACING_SLIP_AT))
            let leaf := mload(add(state, PLACING_LEAF_AT))
            let out := mload(add(state, PLACING_EVENT_AT))
            let slipsLeft := mload(add(state, PLACING_SLIPS_LEFT))
            for {} slipsLeft {} {
                // The leg, and the tail after it
                let leg := calldataload(add(at, 18))
                let entry :=
                    add(mload(add(state, PLACING_MARKETS)), mul(byte(0, leg), PLACING_MARKET_SIZE))
                // 0 if the outcomes follow from the line, or the outcome does not exist. An index
                // out of range reads other memory, and is refused below.
                let legsHash :=
                    mload(add(entry, add(PLACING_MARKET_SINGLE_HASHES, shl(5, byte(1, leg)))))
                if iszero(legsHash) { break }
                // Not zero once a check has failed
                let slow := iszero(lt(byte(0, leg), mload(add(state, PLACING_MARKET_COUNT))))
                slow := or(slow, gt(byte(1, leg), 2))
                // Template [0x0c0,0x0e0)
                mstore(add(template, TEMPLATE_LEGS_HASH), legsHash)
                // Template [0x03c,0x040), [0x09d,0x0a0), [0x058,0x060) and [0x07b,0x080)
                calldatacopy(add(template, TEMPLATE_ACCOUNT_AT), at, 4)
                calldatacopy(add(template, TEMPLATE_NONCE_AT), add(at, 4), 3)
                calldatacopy(add(template, TEMPLATE_STAKE_AT), add(at, 7), 8)
                calldatacopy(add(template, TEMPLATE_MIN_ODDS_AT), add(at, 24), 5)
                {
                    let times := shr(112, calldataload(at))
                    // One leg, and a signature length of 0: the owner's key
                    slow := or(slow, xor(and(times, 0xff), 1))
                    slow := or(slow, and(shr(136, leg), 0xffff))
                    times := and(shr(8, times), 0xffff)
                    let deadline := and(shr(152, leg), 0xffff)
                    slow := or(slow, gt(times, deadline))
                    // Template [0x0a0,0x0c0)
                    mstore(add(template, TEMPLATE_DEADLINE), add(mload(state), deadline))
                    times := add(times, mload(state))
                    slow := or(slow, iszero(lt(times, mload(add(entry, PLACING_MARKET_CLOSES_AT)))))
                    slow := or(slow, gt(times, timestamp()))
                    slow := or(slow, lt(times, mload(add(state, PLACING_EARLIEST_ACCEPTANCE))))
                }
                {
                    let odds := and(shr(208, leg), 0xffffffff)
                    let payout := div(mul(mload(add(template, TEMPLATE_STAKE)), odds), 10000)
                    // Template [0x240,0x260)
                    mstore(add(template, TEMPLATE_PAYOUT), payout)
                    // Since odds are above 1, the stake is above zero if and only if the payout
                    // is.
                    slow := or(slow, lt(odds, 10001))
                    slow := or(slow, iszero(lt(sub(payout, 1), MAX_BALANCE)))
                    slow := or(slow, lt(odds, mload(add(template, TEMPLATE_MIN_ODDS))))
                }
                if slow { break }

                let slot :=
                    add(
                        mload(add(template, TEMPLATE_ACCOUNTS)),
                        mload(add(template, TEMPLATE_ACCOUNT))
                    )
                let account := sload(slot)
                // Zero, or huge, if the nonce is not above the highest used. As Accounts.isTooFar
                // says, it must not push an unused nonce out of the window.
                let ahead :=
                    sub(mload(add(template, TEMPLATE_NONCE)), and(shr(72, account), 0xffffff))
                slow := iszero(lt(sub(ahead, 1), 9))
                slow := or(slow, shr(sub(9, ahead), xor(and(shr(63, account), 0x1fe), 0x1fe)))
                // An account that does not exist has no balance.
                slow := or(
                    slow,
                    lt(and(account, MAX_BALANCE), mload(add(template, TEMPLATE_STAKE)))
                )
                slow := or(slow, and(account, RESTRICTED))
                if slow { break }

                // Template [0x102,0x122), then [0x140,0x160)
                mstore(add(template, TEMPLATE_SLIP_HASH), keccak256(template, TEMPLATE_SLIP_SIZE))
                mstore(
                    add(template, TEMPLATE_DIGEST),
                    keccak256(add(template, TEMPLATE_SIGNED), TEMPLATE_SIGNED_SIZE)
                )
                // Template [0x180,0x1c0): r and vs
                calldatacopy(add(template, TEMPLATE_R), add(at, 33), 64)
                {
                    // Template [0x160,0x180): v, from the parity in the highest bit of vs; then
                    // [0x1a0,0x1c0): s
                    let vs := mload(add(template, TEMPLATE_S))
                    mstore(add(template, TEMPLATE_V), add(shr(255, vs), 27))
                    vs := and(vs, S_BITS)
                    if gt(vs, HALF_ORDER) { break }
                    mstore(add(template, TEMPLATE_S), vs)
                }
                // [0x00,0x20), scratch space: ecrecover returns nothing if it fails
                mstore(0, 0)
                pop(staticcall(gas(), 1, add(template, TEMPLATE_DIGEST), 128, 0, 32))
                if xor(mload(0), shr(96, account)) { break }

                let outcome := byte(19, calldataload(at))
                let exposure :=
                    add(
                        mload(add(entry, PLACING_MARKET_EXPOSURE)),
                        or(
                            shl(shl(6, outcome), mload(add(template, TEMPLATE_PAYOUT))),
                            shl(192, mload(add(template, TEMPLATE_STAKE)))
                        )
                    )
                // What the market locks, as Markets.locked computes it
                let locks := shl(192, exposure)
                {
                    // Payouts are compared in the highest 64 bits; the bits below only break ties.
                    let owed := shl(128, exposure)
                    if gt(owed, locks) { locks := owed }
                    owed := shl(64, exposure)
                    if gt(owed, locks) { locks := owed }
                    locks := shr(192, locks)
                    if mload(add(entry, PLACING_MARKET_MODE)) {
                        owed := shl(192, exposure)
                        let sum := shr(192, owed)
                        let other := shl(128, exposure)
                        sum := add(sum, shr(192, other))
                        if lt(other, owed) { owed := other }
                        other := shl(64, exposure)
                        locks := add(sum, shr(192, other))
                        if lt(other, owed) { owed := other }
                        if eq(mload(add(entry, PLACING_MARKET_MODE)), PAIRED) {
                            locks := sub(locks, shr(192, owed))
                        }
                    }
                    owed := shr(192, exposure)
                    if lt(locks, owed) { locks := owed }
                    locks := sub(locks, owed)
                }
                {
                    let before := mload(add(entry, PLACING_MARKET_LOCKED))
                    let locked := sub(add(mload(add(state, PLACING_LOCKED)), locks), before)
                    let fixture := mload(add(entry, PLACING_MARKET_FIXTURE))
                    let lockedOfFixture := add(mload(add(fixture, FIXTURE_LOCKED)), locks)
                    if lt(lockedOfFixture, before) { lockedOfFixture := before }
                    lockedOfFixture := sub(lockedOfFixture, before)
                    slow := gt(locked, mload(add(state, PLACING_CAPACITY)))
                    slow := or(slow, gt(locks, mload(add(state, PLACING_MARKET_CAP))))
                    slow := or(slow, gt(lockedOfFixture, mload(add(state, PLACING_FIXTURE_CAP))))
                    if slow { break }
                    // State [0x160,0x180), and the fixture entry's [0x40,0x60)
                    mstore(add(state, PLACING_LOCKED), locked)
                    mstore(add(fixture, FIXTURE_LOCKED), lockedOfFixture)
                }
                // Market entry [0x020,0x060)
                mstore(add(entry, PLACING_MARKET_LOCKED), locks)
                mstore(add(entry, PLACING_MARKET_EXPOSURE), exposure)

                {
                    // The highest nonce used so far becomes a bit of the window, which moves up by
                    // `ahead`; only its lowest eight bits are kept.
                    let window := and(shl(sub(ahead, 1), or(shr(63, account), 1)), 0xff)
                    let nonce := mload(add(template, TEMPLATE_NONCE))
                    account := and(account, not(NONCE_AND_WINDOW))
                    account := or(account, or(shl(72, nonce), shl(64, window)))
                    sstore(slot, sub(account, mload(add(template, TEMPLATE_STAKE))))
                }
                // Template [0x1c0,0x1e0), its bytes [0x1db,0x1e0), then [0x1e0,0x1f2)
                mstore(add(template, TEMPLATE_LEAF), mload(entry))
                calldatacopy(add(template, TEMPLATE_LEAF_CHOICE_AT), add(at, 19), 5)
                calldatacopy(add(template, TEMPLATE_LEAF_RECORD_AT), at, 18)
                // [leaf,leaf+0x20)
                mstore(leaf, keccak256(add(template, TEMPLATE_LEAF), TEMPLATE_LEAF_SIZE))
                leaf := add(leaf, 32)
                // [out,out+0x18)
                calldatacopy(out, at, RECORD_SIZE)
                out := add(out, RECORD_SIZE)
                at := add(at, SIZE)
                slipsLeft := sub(slipsLeft, 1)
            }
            // State [0x240,0x2c0)
            mstore(add(state, PLACING_SLIP_AT), at)
            mstore(add(state, PLACING_LEAF_AT), leaf)
            mstore(add(state, PLACING_EVENT_AT), out)
            mstore(add(state, PLACING_SLIPS_LEFT), slipsLeft)
        }
    }
}
