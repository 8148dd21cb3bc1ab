// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISportsbook} from "../../contracts/interfaces/ISportsbook.sol";
import {Restriction} from "../../contracts/libraries/Ledger.sol";
import {Signature} from "../../contracts/libraries/Signatures.sol";
import {Matches} from "./Matches.sol";
import {vm} from "./Vm.sol";

/// @title Bettors
/// @notice What the owner of an account does without a bet, alone or by a signature that somebody else
/// sends: brings money, takes it out, rules out slips.
abstract contract Bettors is Matches {
    /// @dev Sends what owners have signed, for a fee.
    address private constant RELAYER = address(0xE0);

    struct Exit {
        uint256 amount;
        uint256 unlocksAt;
    }

    struct Tokens {
        uint256 ofOwner;
        uint256 ofRelayer;
    }

    Exit[BETTORS] private exits_;
    uint40[BETTORS] private requests_;

    function useAccount(uint256 seed) external counted calm {
        seed = _mix(seed, asked);
        uint64 amount = uint64(seed >> 64);
        uint256 who = (seed >> 8) % BETTORS;
        uint256 what = seed % 8;
        if (what == 0) return _deposit(who, uint64(1 + amount % (50 * UNIT)));
        // The honest house confirms no withdrawal of the honest bettor, who may leave by an exit.
        if (what == 1) return _withdraw(who % HONEST, amount, seed >> 16);
        if (what > 5) what -= 4;
        _act(who, ISportsbook.Action(what - 2), seed >> 16, false);
    }

    /// @notice The same requests, signed by the owner and sent by somebody else; forged ones too.
    function relay(uint256 seed) external counted calm {
        seed = _mix(seed, asked);
        // Seldom what keeps a bettor from betting.
        uint8[8] memory actions = [0, 0, 0, 1, 1, 1, 2, 3];
        _act((seed >> 8) % BETTORS, ISportsbook.Action(actions[seed % 8]), seed >> 16, true);
    }

    /// @notice Tokens of the owner, by a signature that the owner or somebody else sends.
    function depositSigned(uint256 seed) external counted calm {
        seed = _mix(seed, asked);
        uint256 who = (seed >> 8) % BETTORS;
        uint64 amount = uint64(1 + uint64(seed >> 64) % (50 * UNIT));
        TOKEN.mint(_owner(who), amount);
        if (seed % 2 == 0) _depositByPermit(who, amount, seed >> 16);
        else _depositByAuthorization(who, amount, seed >> 16);
    }

    // -- Deposits

    function _deposit(uint256 who, uint64 amount) private {
        try BOOK.depositFor(_owner(who), amount) {
            require(!_isExcluded(who), "a deposit of an excluded account");
            balances[who] += amount;
            _done("deposited");
        } catch (bytes memory why) {
            require(
                _isExcluded(who) && bytes4(why) == ISportsbook.AccountExcluded.selector,
                "a deposit was refused"
            );
        }
    }

    /// @dev A quarter of the permits are forged, a quarter used before by somebody else.
    function _depositByPermit(uint256 who, uint64 amount, uint256 seed) private {
        address owner = _owner(who);
        bool isForged = seed % 4 == 0;
        (uint8 v, bytes32 r, bytes32 s) =
            _permit(owner, BETTOR_KEY + who + (isForged ? 1 : 0), amount);
        bool isUsed = seed % 4 == 1;
        if (isUsed) TOKEN.permit(owner, address(BOOK), amount, type(uint256).max, v, r, s);
        bool isOwners = (seed >> 8) % 2 == 0;
        bool isAllowed = !isForged && !isUsed;
        // What an earlier permit still allows is as good, for the owner's own call.
        if (isOwners) isAllowed = isAllowed || TOKEN.allowance(owner, address(BOOK)) >= amount;
        bytes memory call = abi.encodeWithSelector(
            ISportsbook.depositWithPermit.selector, owner, amount, type(uint256).max, v, r, s
        );
        vm.prank(isOwners ? owner : RELAYER);
        (bool isDone, bytes memory why) = address(BOOK).call(call);
        require(isDone == (isAllowed && !_isExcluded(who)), "a permit counted otherwise");
        if (isDone) {
            balances[who] += amount;
            if (isUsed) return _done("deposited by a permit that was used");
            if (isOwners) return _done("deposited by a permit");
            return _done("deposited by a permit that another sent");
        }
        if (isAllowed || isOwners) return;
        require(bytes4(why) == ISportsbook.PermitInvalid.selector, "a permit failed otherwise");
        _done("permit refused");
    }

    /// @dev Fees from none to more than the amount; a quarter forged, a quarter for another fee.
    function _depositByAuthorization(uint256 who, uint64 amount, uint256 seed) private {
        uint64 fee = [0, uint64(seed >> 8) % amount, amount, amount + 1][(seed >> 4) % 4];
        bool isForged = seed % 4 == 0;
        bytes memory call = _authorized(who, amount, fee, seed);
        bytes4 wanted;
        if (isForged || seed % 4 == 1) wanted = bytes4(keccak256("AuthorizationInvalid()"));
        else if (fee > amount) wanted = ISportsbook.FeeTooHigh.selector;
        else if (fee == amount) wanted = ISportsbook.AmountZero.selector;
        else if (_isExcluded(who)) wanted = ISportsbook.AccountExcluded.selector;
        Tokens memory held = _tokens(who);
        vm.prank(RELAYER);
        (bool isDone, bytes memory why) = address(BOOK).call(call);
        require((isDone ? bytes4(0) : bytes4(why)) == wanted, "an authorization counted otherwise");
        if (!isDone) return _done("authorization refused");
        balances[who] += amount - fee;
        require(_tokens(who).ofOwner + amount == held.ofOwner, "another amount was deposited");
        require(_tokens(who).ofRelayer == held.ofRelayer + fee, "another fee was paid");
        (isDone,) = address(BOOK).call(call);
        require(!isDone, "an authorization counted twice");
        _done("deposited by an authorization");
    }

    function _authorized(uint256 who, uint64 amount, uint64 fee, uint256 seed)
        private
        view
        returns (bytes memory)
    {
        bytes32 nonce = keccak256(abi.encode(fee, bytes32(seed)));
        (uint8 v, bytes32 r, bytes32 s) =
            _authorize(_owner(who), BETTOR_KEY + who + (seed % 4 == 0 ? 1 : 0), amount, nonce);
        if (seed % 4 == 1) ++fee;
        return bytes.concat(
            abi.encodeWithSelector(
                ISportsbook.depositWithAuthorization.selector, _owner(who), amount, fee
            ),
            abi.encode(0, type(uint256).max, bytes32(seed), v, r, s)
        );
    }

    function _isExcluded(uint256 who) private view returns (bool) {
        return block.timestamp < BOOK.restrictionOf(uint32(who) + 1).excludedUntil;
    }

    function _tokens(uint256 who) private view returns (Tokens memory) {
        return Tokens(TOKEN.balanceOf(_owner(who)), TOKEN.balanceOf(RELAYER));
    }

    // -- Withdrawals

    function _withdraw(uint256 who, uint64 amount, uint256 seed) private {
        if (balances[who] == 0) return;
        amount = uint64(1 + amount % balances[who]);
        uint256 key = _pick(ISportsbook.Role.Withdrawals, seed);
        // Whoever holds the key can do nothing with it alone.
        require(!_tryWithdraw(who, amount, key, RELAYER), "another withdrew");
        if (_tryWithdraw(who, amount, key, _owner(who))) {
            require(_isActive(key), "a withdrawal that nobody granted");
            balances[who] -= amount;
            _done("withdrawn");
        } else {
            require(!_isActive(key), "a withdrawal was refused");
        }
    }

    function _tryWithdraw(uint256 who, uint64 amount, uint256 key, address caller)
        private
        returns (bool isDone)
    {
        uint32 account = uint32(who + 1);
        (,,,, uint8 sequence) = BOOK.accountAt(account);
        uint40 deadline = uint40(block.timestamp);
        bytes32 hash = _withdrawalHash(account, amount, deadline, sequence);
        Signature memory granted = _sign(houseKeys_[key].secret, hash);
        uint256 word = (uint256(account) << 104) | (uint256(amount) << 40) | deadline;
        vm.prank(caller);
        (isDone,) = address(BOOK)
            .call(
                abi.encodeWithSelector(
                    ISportsbook.withdrawGranted.selector, granted.r, granted.vs, word
                )
            );
    }

    // -- Exits, exclusions, cancellations

    /// @dev Refused exactly when it must be: nothing else stops an exit whose time has come, and no fee
    /// takes what an accepted slip stakes.
    function _act(uint256 who, ISportsbook.Action action, uint256 seed, bool isRelayed) private {
        if (action == ISportsbook.Action.Exit) {
            if (seed % 8 != 0) who = _anyLeaver(who);
            bool isEarly = block.timestamp < exits_[who].unlocksAt;
            if (isEarly && (seed >> 4) % 4 != 0) vm.warp(exits_[who].unlocksAt);
        }
        ISportsbook.Request memory request = ISportsbook.Request(
            uint32(who + 1),
            action,
            _valueOf(who, action, seed >> 8),
            isRelayed ? _feeOf(who, action, seed >> 100) : 0,
            requests_[who],
            uint40(block.timestamp)
        );
        bytes4 wanted = _refusal(who, request);
        Tokens memory held = _tokens(who);
        if (isRelayed && (seed >> 90) % 4 == 0) _checkForged(who, request);
        bytes4 reason = isRelayed ? _relay(request, request, BETTOR_KEY + who) : _ask(who, request);
        require(reason == wanted, "an owner's request had another outcome than it must");
        uint256 amount;
        if (reason == 0) amount = _apply(who, request);
        require(_tokens(who).ofOwner == held.ofOwner + amount - (amount == 0 ? 0 : request.fee));
        require(_tokens(who).ofRelayer == held.ofRelayer + (amount == 0 ? 0 : request.fee));
        if (isRelayed && reason == 0) ++requests_[who];
        require(BOOK.requestsOf(uint32(who + 1)) == requests_[who], "a request counted otherwise");
        if (isRelayed) _countRelayed(action, reason);
        else if (reason == 0) _countOwn(action);
    }

    /// @dev Somebody who has requested an exit, if anybody has.
    function _anyLeaver(uint256 first) private view returns (uint256 who) {
        for (uint256 i; i < BETTORS; ++i) {
            who = (first + i) % BETTORS;
            if (exits_[who].amount != 0) return who;
        }
    }

    function _valueOf(uint256 who, ISportsbook.Action action, uint256 seed)
        private
        view
        returns (uint64)
    {
        if (action == ISportsbook.Action.Exit) return 0;
        if (action == ISportsbook.Action.RequestExit) return uint64(1 + seed % (300 * UNIT));
        if (action == ISportsbook.Action.Exclude) {
            return uint64(block.timestamp + RECEIPT_WINDOW + seed % 600);
        }
        (,, uint24 highest,,) = BOOK.accountAt(uint32(who + 1));
        return uint64(highest + seed % 10);
    }

    /// @dev For an exit up to one unit too much; for anything else mostly none, as none is allowed.
    function _feeOf(uint256 who, ISportsbook.Action action, uint256 seed)
        private
        view
        returns (uint64)
    {
        if (action != ISportsbook.Action.Exit) {
            return seed % 4 == 0 ? uint64(1 + (seed >> 8) % (20 * UNIT)) : 0;
        }
        uint64 most = uint64(_payable(who));
        return [0, uint64(seed >> 8) % (most + 1), most, most + 1][seed % 4];
    }

    /// @dev What an exit would pay.
    function _payable(uint256 who) private view returns (uint256) {
        return exits_[who].amount < balances[who] ? exits_[who].amount : balances[who];
    }

    /// @return Why the request must be refused; 0 if it must not.
    function _refusal(uint256 who, ISportsbook.Request memory request)
        private
        view
        returns (bytes4)
    {
        if (request.action == ISportsbook.Action.Exit) {
            if (exits_[who].amount == 0) return ISportsbook.ExitUnknown.selector;
            if (block.timestamp < exits_[who].unlocksAt) return ISportsbook.ExitLocked.selector;
            return request.fee > _payable(who) ? ISportsbook.FeeTooHigh.selector : bytes4(0);
        }
        if (request.fee != 0) return ISportsbook.FeeWithoutExit.selector;
        Restriction memory held = BOOK.restrictionOf(request.account);
        if (request.action == ISportsbook.Action.Exclude) {
            bool isLonger = request.value > held.excludedUntil;
            return isLonger ? bytes4(0) : ISportsbook.ExclusionTooShort.selector;
        }
        bool isTooSoon = block.timestamp < held.cancelledAt + RECEIPT_WINDOW;
        if (request.action != ISportsbook.Action.CancelNonces || !isTooSoon) return 0;
        return ISportsbook.CancellationPending.selector;
    }

    /// @return amount What an exit takes out of the balance.
    function _apply(uint256 who, ISportsbook.Request memory request)
        private
        returns (uint256 amount)
    {
        if (request.action == ISportsbook.Action.RequestExit) {
            exits_[who] = Exit(request.value, block.timestamp + EXIT_DELAY);
        } else if (request.action == ISportsbook.Action.Exit) {
            amount = _payable(who);
            balances[who] -= amount;
            exits_[who].amount = 0;
        } else {
            Restriction memory held = BOOK.restrictionOf(request.account);
            require(
                request.action == ISportsbook.Action.Exclude
                    ? held.excludedUntil == request.value
                    : held.cancelledNonce == request.value && held.cancelledAt == block.timestamp,
                "something else was ruled out"
            );
            if (request.action == ISportsbook.Action.CancelNonces) {
                cancelled_[who].push(Cancellation(request.value, block.timestamp));
            }
        }
    }

    /// @dev By the owner's own transaction.
    function _ask(uint256 who, ISportsbook.Request memory request) private returns (bytes4) {
        bytes memory call = abi.encodeCall(ISportsbook.exit, ());
        if (request.action == ISportsbook.Action.RequestExit) {
            call = abi.encodeCall(ISportsbook.requestExit, (request.value));
        } else if (request.action == ISportsbook.Action.Exclude) {
            call = abi.encodeCall(ISportsbook.excludeSelf, (uint40(request.value)));
        } else if (request.action == ISportsbook.Action.CancelNonces) {
            call = abi.encodeCall(ISportsbook.cancelNonces, (uint24(request.value)));
        }
        vm.prank(_owner(who));
        (bool isDone, bytes memory why) = address(BOOK).call(call);
        return isDone ? bytes4(0) : bytes4(why);
    }

    function _relay(ISportsbook.Request memory sent, ISportsbook.Request memory signed, uint256 key)
        private
        returns (bytes4)
    {
        Signature memory own = _sign(key, _requestHash(signed));
        vm.prank(RELAYER);
        try BOOK.relay(sent, abi.encodePacked(own.r, own.vs)) {
            return 0;
        } catch (bytes memory why) {
            return bytes4(why);
        }
    }

    /// @dev Another's signature, another fee, another turn, too late, for an account that is not open.
    function _checkForged(uint256 who, ISportsbook.Request memory request) private {
        ISportsbook.Request memory other = abi.decode(abi.encode(request), (ISportsbook.Request));
        uint256 key = BETTOR_KEY + who;
        bool isRefused = _relay(request, request, key + 1) == ISportsbook.RequestUnsigned.selector;
        ++other.fee;
        isRefused = isRefused && _relay(other, request, key) == ISportsbook.RequestUnsigned.selector;
        (other.fee, other.number) = (request.fee, request.number + 1);
        isRefused = isRefused && _relay(other, other, key) == ISportsbook.RequestOutOfTurn.selector;
        (other.number, other.deadline) = (request.number, request.deadline - 1);
        isRefused = isRefused && _relay(other, other, key) == ISportsbook.RequestExpired.selector;
        (other.account, other.number) = (uint32(BETTORS + 1), 0);
        other.deadline = request.deadline;
        isRefused = isRefused && _relay(other, other, key) == ISportsbook.RequestUnsigned.selector;
        require(isRefused, "a request counted that its owner did not sign so");
        _done("forged requests refused");
    }

    function _countOwn(ISportsbook.Action action) private {
        if (action == ISportsbook.Action.RequestExit) _done("exit requested");
        else if (action == ISportsbook.Action.Exit) _done("left");
        else if (action == ISportsbook.Action.Exclude) _done("excluded");
        else _done("nonces cancelled");
    }

    function _countRelayed(ISportsbook.Action action, bytes4 reason) private {
        if (reason == ISportsbook.FeeWithoutExit.selector) return _done("fee without an exit");
        if (reason == ISportsbook.FeeTooHigh.selector) return _done("fee above the exit");
        if (reason != 0) return;
        if (action == ISportsbook.Action.RequestExit) _done("exit requested by relay");
        else if (action == ISportsbook.Action.Exit) _done("left by relay");
        else if (action == ISportsbook.Action.Exclude) _done("excluded by relay");
        else _done("nonces cancelled by relay");
    }
}
