// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice The account word, as stored:
///   bits   [0,56)   [56,63)   [63]        [64,72)  [72,96)  [96,256)
///   field  balance  sequence  restricted  window   nonce    owner
type Account is uint256;

using Accounts for Account global;

uint256 constant ACCOUNT_BALANCE_MASK = (1 << 56) - 1;
uint256 constant ACCOUNT_SEQUENCE_SHIFT = 56;
uint256 constant ACCOUNT_SEQUENCE_MASK = 0x7f;
uint256 constant ACCOUNT_RESTRICTED_BITS = 1 << 63;
uint256 constant ACCOUNT_WINDOW_SHIFT = 64;
uint256 constant ACCOUNT_WINDOW_MASK = 0xff;
uint256 constant ACCOUNT_NONCE_SHIFT = 72;
uint256 constant ACCOUNT_NONCE_MASK = 0xffffff;
uint256 constant ACCOUNT_NONCE_AND_WINDOW_BITS = 0xffffffff << 64;
uint256 constant ACCOUNT_OWNER_SHIFT = 96;
// The window in bits [1,9), with bit 0 for the highest nonce used: the word shifted and masked so.
uint256 constant ACCOUNT_NONCES_SHIFT = 63;
uint256 constant ACCOUNT_NONCES_MASK = 0x1fe;
/// @dev Bits of the window and one more: the most by which a nonce can be above the highest used.
uint256 constant MAX_NONCE_STEP = 9;

/// @title Accounts
/// @notice Reads and changes the account word.
///
/// `nonce` is the highest nonce used. Bit i of `window` is set if nonce - 1 - i was used. Each
/// nonce counts once. It is usable if it is at most 8 below the highest and not used, or above the
/// highest and so near that no unused nonce leaves the window. So no later slip, in whatever order
/// slips are placed, makes an accepted one invalid.
///
/// `restricted` is set if the owner has excluded the account from betting or cancelled nonces; see
/// Restriction. `sequence` counts countersigned withdrawals, modulo 128.
library Accounts {
    /// @dev Micro-units. All tokens that the sportsbook holds fit it, so no sum of packed amounts
    /// can overflow.
    uint256 internal constant MAX_BALANCE = ACCOUNT_BALANCE_MASK;
    /// @dev Bits of the window.
    uint256 internal constant WINDOW = 8;

    /// @dev The nonces before the first, 1, count as used.
    function open(address owner_) internal pure returns (Account) {
        return Account.wrap(
            (uint256(uint160(owner_)) << ACCOUNT_OWNER_SHIFT)
                | (ACCOUNT_WINDOW_MASK << ACCOUNT_WINDOW_SHIFT)
        );
    }

    function owner(Account account) internal pure returns (address) {
        return address(uint160(Account.unwrap(account) >> ACCOUNT_OWNER_SHIFT));
    }

    function nonce(Account account) internal pure returns (uint256) {
        return uint24(Account.unwrap(account) >> ACCOUNT_NONCE_SHIFT);
    }

    function window(Account account) internal pure returns (uint256) {
        return uint8(Account.unwrap(account) >> ACCOUNT_WINDOW_SHIFT);
    }

    function isRestricted(Account account) internal pure returns (bool) {
        return Account.unwrap(account) & ACCOUNT_RESTRICTED_BITS != 0;
    }

    function sequence(Account account) internal pure returns (uint256) {
        return (Account.unwrap(account) >> ACCOUNT_SEQUENCE_SHIFT) & ACCOUNT_SEQUENCE_MASK;
    }

    function balance(Account account) internal pure returns (uint256) {
        return uint56(Account.unwrap(account));
    }

    /// @notice Whether a nonce was used, or left the window unused.
    function isUsed(Account account, uint256 nonce_) internal pure returns (bool) {
        unchecked {
            uint256 highest = account.nonce();
            if (nonce_ > highest) return false;
            uint256 below = highest - nonce_;
            return below == 0 || below > WINDOW || (account.window() >> (below - 1)) & 1 != 0;
        }
    }

    /// @notice Whether using a nonce would push an unused one out of the window.
    /// @dev `PlacingFastPath.place` decides the same in its block on the account.
    function isTooFar(Account account, uint256 nonce_) internal pure returns (bool) {
        unchecked {
            uint256 highest = account.nonce();
            if (nonce_ <= highest) return false;
            uint256 ahead = nonce_ - highest;
            if (ahead > MAX_NONCE_STEP) return true;
            // Bit i: nonce `highest - i` is not used. The `ahead` highest of these 9 bits leave.
            uint256 unused = (account.window() ^ ACCOUNT_WINDOW_MASK) << 1;
            return unused >> (MAX_NONCE_STEP - ahead) != 0;
        }
    }

    /// @dev The caller has checked that the nonce is usable. `PlacingFastPath.place` does the same
    /// in its block on nonce and stake.
    function useNonce(Account account, uint256 nonce_) internal pure returns (Account) {
        unchecked {
            uint256 highest = account.nonce();
            uint256 used = account.window();
            if (nonce_ > highest) {
                used = uint8(((used << 1) | 1) << (nonce_ - highest - 1));
                highest = nonce_;
            } else {
                used |= 1 << (highest - nonce_ - 1);
            }
            return Account.wrap(
                (Account.unwrap(account) & ~ACCOUNT_NONCE_AND_WINDOW_BITS)
                    | (highest << ACCOUNT_NONCE_SHIFT) | (used << ACCOUNT_WINDOW_SHIFT)
            );
        }
    }

    /// @notice The account with all nonces up to this one used.
    function useNoncesTo(Account account, uint256 nonce_) internal pure returns (Account) {
        unchecked {
            uint256 highest = account.nonce();
            uint256 used = account.window();
            if (nonce_ >= highest) {
                (highest, used) = (nonce_, ACCOUNT_WINDOW_MASK);
            } else {
                // Bit `highest - 1 - nonce` and those above it. Beyond the window nothing changes.
                used |= uint8(ACCOUNT_WINDOW_MASK << (highest - 1 - nonce_));
            }
            return Account.wrap(
                (Account.unwrap(account) & ~ACCOUNT_NONCE_AND_WINDOW_BITS)
                    | (highest << ACCOUNT_NONCE_SHIFT) | (used << ACCOUNT_WINDOW_SHIFT)
            );
        }
    }

    function useSequence(Account account) internal pure returns (Account) {
        unchecked {
            uint256 used = account.sequence();
            uint256 changed = used ^ ((used + 1) & ACCOUNT_SEQUENCE_MASK);
            return Account.wrap(Account.unwrap(account) ^ (changed << ACCOUNT_SEQUENCE_SHIFT));
        }
    }

    function setRestricted(Account account, bool restricted) internal pure returns (Account) {
        uint256 rest = Account.unwrap(account) & ~ACCOUNT_RESTRICTED_BITS;
        return Account.wrap(restricted ? rest | ACCOUNT_RESTRICTED_BITS : rest);
    }

    /// @dev The caller has checked that the balance holds the amount.
    function debit(Account account, uint256 amount) internal pure returns (Account) {
        unchecked {
            return Account.wrap(Account.unwrap(account) - amount);
        }
    }

    /// @dev All tokens held fit MAX_BALANCE, so the balance cannot overflow into the sequence.
    function credit(Account account, uint256 amount) internal pure returns (Account) {
        unchecked {
            return Account.wrap(Account.unwrap(account) + amount);
        }
    }
}
