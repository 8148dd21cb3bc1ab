// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice The account word, as stored:
///   bits   [0,56)   [56,63)   [63]        [64,72)  [72,96)  [96,256)
///   field  balance  sequence  restricted  window   nonce    owner
type Account is uint256;

using Accounts for Account global;

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
    uint256 internal constant MAX_BALANCE = type(uint56).max;
    uint256 internal constant WINDOW = 8;

    uint256 private constant OWNER_AT = 96;
    uint256 private constant NONCE_AT = 72;
    uint256 private constant WINDOW_AT = 64;
    uint256 private constant RESTRICTED = 1 << 63;
    uint256 private constant SEQUENCE_AT = 56;
    uint256 private constant SEQUENCE = 0x7f;
    uint256 private constant ALL_USED = (1 << WINDOW) - 1;
    uint256 private constant NONCE_AND_WINDOW = uint256(type(uint32).max) << WINDOW_AT;

    /// @dev The nonces before the first, 1, count as used.
    function open(address owner_) internal pure returns (Account) {
        return Account.wrap((uint256(uint160(owner_)) << OWNER_AT) | (ALL_USED << WINDOW_AT));
    }

    function owner(Account account) internal pure returns (address) {
        return address(uint160(Account.unwrap(account) >> OWNER_AT));
    }

    function nonce(Account account) internal pure returns (uint256) {
        return uint24(Account.unwrap(account) >> NONCE_AT);
    }

    function window(Account account) internal pure returns (uint256) {
        return uint8(Account.unwrap(account) >> WINDOW_AT);
    }

    function isRestricted(Account account) internal pure returns (bool) {
        return Account.unwrap(account) & RESTRICTED != 0;
    }

    function sequence(Account account) internal pure returns (uint256) {
        return (Account.unwrap(account) >> SEQUENCE_AT) & SEQUENCE;
    }

    function balance(Account account) internal pure returns (uint256) {
        return uint56(Account.unwrap(account));
    }

    function isUsed(Account account, uint256 nonce_) internal pure returns (bool) {
        unchecked {
            uint256 highest = account.nonce();
            if (nonce_ > highest) return false;
            uint256 below = highest - nonce_;
            return below == 0 || below > WINDOW || (account.window() >> (below - 1)) & 1 != 0;
        }
    }

    /// @notice Whether using a nonce would push an unused one out of the window.
    function isTooFar(Account account, uint256 nonce_) internal pure returns (bool) {
        unchecked {
            uint256 highest = account.nonce();
            if (nonce_ <= highest) return false;
            uint256 ahead = nonce_ - highest;
            if (ahead > WINDOW + 1) return true;
            // Bit i: nonce `highest - i` is not used. The `ahead` highest of these 9 bits leave.
            uint256 unused = (account.window() ^ ALL_USED) << 1;
            return unused >> (WINDOW + 1 - ahead) != 0;
        }
    }

    /// @dev The caller has checked that the nonce is usable.
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
                (Account.unwrap(account) & ~NONCE_AND_WINDOW) | (highest << NONCE_AT)
                    | (used << WINDOW_AT)
            );
        }
    }

    /// @notice The account with all nonces up to this one used.
    function useNoncesTo(Account account, uint256 nonce_) internal pure returns (Account) {
        unchecked {
            uint256 highest = account.nonce();
            uint256 used = account.window();
            if (nonce_ >= highest) {
                (highest, used) = (nonce_, ALL_USED);
            } else {
                // Bit `highest - 1 - nonce` and those above it. Beyond the window nothing changes.
                used |= uint8(ALL_USED << (highest - 1 - nonce_));
            }
            return Account.wrap(
                (Account.unwrap(account) & ~NONCE_AND_WINDOW) | (highest << NONCE_AT)
                    | (used << WINDOW_AT)
            );
        }
    }

    function useSequence(Account account) internal pure returns (Account) {
        unchecked {
            uint256 used = account.sequence();
            uint256 changed = used ^ ((used + 1) & SEQUENCE);
            return Account.wrap(Account.unwrap(account) ^ (changed << SEQUENCE_AT));
        }
    }

    function setRestricted(Account account, bool restricted) internal pure returns (Account) {
        uint256 rest = Account.unwrap(account) & ~RESTRICTED;
        return Account.wrap(restricted ? rest | RESTRICTED : rest);
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
