// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {House} from "./House.sol";

/// @title Shadow
/// @notice What the handler knows of the house: matches, bets, balances. What a bet is worth by the
/// rules, what all open bets together can still cost, and what the book must be.
contract Shadow is House {
    uint256 internal constant BETTORS = 4;
    uint256 internal constant MATCHES = 3;
    // Markets of a match, by number, in ascending order of their ids: netted, gross, paired, netted.
    uint256 internal constant MARKETS = 5;
    uint8 internal constant MATCH_RESULT = 0;
    uint8 internal constant RESULT_IN_PLAY = 1;
    uint8 internal constant DOUBLE_CHANCE = 2;
    uint8 internal constant TOTAL_GOALS = 3;
    uint8 internal constant ASIAN_HANDICAP = 4;
    int16 internal constant TOTAL_LINE = 9;
    int16 internal constant HANDICAP_LINE = -1;
    uint256 private constant ONE = 10_000;

    struct Match {
        bytes32 name;
        uint40 startsAt;
        uint40 finalAt;
        bool isVoid;
        uint8 home;
        uint8 away;
    }

    struct Leg {
        uint256 game;
        uint8 market;
        uint8 outcome;
        uint32 odds;
    }

    struct Bet {
        uint256 bettor;
        uint64 stake;
        Leg[] legs;
        bool isSettled;
    }

    struct Batch {
        uint256 id;
        bytes markets;
        bytes[] records;
    }

    Match[] internal matches_;
    Batch[] internal batches_;
    /// @dev Slips by bettor and nonce, as signed; bets by number of the batch and of the bet.
    mapping(uint256 bettor => mapping(uint256 nonce => Bet)) internal slips_;
    mapping(uint256 id => mapping(uint256 bet => Bet)) internal bets_;
    /// @notice The shadow: what each bettor owns, and what is the house's and open stakes together.
    uint256[BETTORS] public balances;
    uint256 public pool;
    uint256 public openStakes;

    /// @notice What holds at all times. Invariants 1 and 2, to the micro-unit.
    function check() public view {
        uint256 owned;
        for (uint256 i; i < BETTORS; ++i) {
            (, uint64 balance,,,) = BOOK.accountAt(uint32(i + 1));
            require(balance == balances[i], "a balance is not what its owner's moves make it");
            owned += balance;
        }
        (uint64 held, uint64 open, uint64 locked,,) = BOOK.book();
        require(held == pool && open == openStakes, "the book is not what was bet and paid");
        require(TOKEN.balanceOf(address(BOOK)) == owned + pool, "tokens and debts differ");
        require(BOOK.houseFree() == (pool > open + locked ? pool - open - locked : 0), "free money");
        (uint256 owed, uint256 wanted) = worst();
        require(owed <= pool, "open bets could cost more than there is");
        require(locked == wanted, "the book does not lock what open bets can cost");
    }

    /// @notice The most that open bets can still be paid, by the results that are known and any that
    /// are to come; and what the book must lock for them, whatever the results.
    function worst() public view returns (uint256 owed, uint256 locked) {
        uint256[4][] memory undecided = new uint256[4][](matches_.length * MARKETS);
        uint256[4][] memory all = new uint256[4][](matches_.length * MARKETS);
        for (uint256 i; i < batches_.length; ++i) {
            for (uint256 j; j < batches_[i].records.length; ++j) {
                Bet storage bet = bets_[batches_[i].id][j];
                if (bet.isSettled) continue;
                (bool decided, uint256 amount) = _worth(bet);
                if (decided) owed += amount;
                if (bet.legs.length > 1) {
                    if (!decided) owed += _most(bet);
                    locked += _most(bet) - bet.stake;
                    continue;
                }
                if (!decided) _add(undecided, bet);
                _add(all, bet);
            }
        }
        for (uint256 i; i < all.length; ++i) {
            owed += _cost(i % MARKETS, undecided[i]);
            locked += _cost(i % MARKETS, all[i]) - all[i][3];
        }
    }

    function _add(uint256[4][] memory sums, Bet storage bet) private view {
        uint256[4] memory sum = sums[bet.legs[0].game * MARKETS + bet.legs[0].market];
        sum[bet.legs[0].outcome] += _most(bet);
        sum[3] += bet.stake;
    }

    /// @dev What bets of one market can cost, their stakes given back included.
    function _cost(uint256 market, uint256[4] memory sum) private pure returns (uint256 cost) {
        (uint256 a, uint256 b, uint256 c) = (sum[0], sum[1], sum[2]);
        cost = _max(a, _max(b, c));
        if (market == RESULT_IN_PLAY) cost = a + b + c;
        if (market == DOUBLE_CHANCE) cost = _max(a + b, _max(b + c, a + c));
        return _max(cost, sum[3]);
    }

    function _max(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a : b;
    }

    /// @dev What a bet pays when every leg wins.
    function _most(Bet storage bet) internal view returns (uint256 amount) {
        amount = bet.stake;
        uint256 divisor = 1;
        for (uint256 i; i < bet.legs.length; ++i) {
            amount *= bet.legs[i].odds;
            divisor *= ONE;
        }
        return amount / divisor;
    }

    /// @dev A market in the table of a batch: its match's place, kind, period, line and flags.
    function _entry(uint256 rank, uint256 market) internal pure returns (bytes memory) {
        uint8[5] memory kinds = [1, 1, 2, 4, 7];
        uint8 flags = market == RESULT_IN_PLAY ? 1 : 0;
        return abi.encodePacked(uint8(rank), kinds[market], uint8(0), _line(market), flags);
    }

    function _outcomes(uint256 market) internal pure returns (uint256) {
        return market <= DOUBLE_CHANCE ? 3 : 2;
    }

    function _line(uint256 market) private pure returns (int16) {
        if (market == TOTAL_GOALS) return TOTAL_LINE;
        return market == ASIAN_HANDICAP ? HANDICAP_LINE : int16(0);
    }

    function _hashOf(Leg memory leg) internal view returns (bytes32) {
        string[5] memory names =
            ["Match result", "Match result", "Double chance", "Total goals", "Asian handicap"];
        string[3] memory words = ["Home", "Draw", "Away"];
        if (leg.market == DOUBLE_CHANCE) words = ["Home or draw", "Home or away", "Draw or away"];
        if (leg.market == TOTAL_GOALS) (words[0], words[1]) = ("Over", "Under");
        if (leg.market == ASIAN_HANDICAP) words[1] = "Away";
        Match storage game = matches_[leg.game];
        return _legHash(
            LegText(
                game.name,
                game.startsAt,
                names[leg.market],
                _line(leg.market),
                leg.market == RESULT_IN_PLAY,
                words[leg.outcome]
            )
        );
    }

    /// @dev What a bet pays: in halves a leg, so that quarter lines come out even.
    function _worth(Bet storage bet) internal view returns (bool decided, uint256 amount) {
        amount = bet.stake;
        uint256 divisor = 1;
        for (uint256 i; i < bet.legs.length; ++i) {
            Leg storage leg = bet.legs[i];
            Match storage game = matches_[leg.game];
            uint256 halves;
            if (game.finalAt == 0) {
                if (block.timestamp <= game.startsAt + 7 days) return (false, 0);
                halves = 2 * 10_000;
            } else if (game.isVoid && block.timestamp >= game.finalAt) {
                halves = 2 * 10_000;
            } else if (block.timestamp < game.finalAt) {
                // Published too late, it is void at once.
                if (!game.isVoid || game.finalAt - DISPUTE_WINDOW <= game.startsAt + 7 days) {
                    return (false, 0);
                }
                halves = 2 * 10_000;
            } else {
                halves = _halves(leg, int256(uint256(game.home)), int256(uint256(game.away)));
            }
            amount *= halves;
            divisor *= 2 * 10_000;
        }
        return (true, amount / divisor);
    }

    /// @dev Twice what a leg multiplies by, times 10^4.
    function _halves(Leg storage leg, int256 home, int256 away) internal view returns (uint256) {
        if (leg.market <= DOUBLE_CHANCE) {
            uint256 winner = home > away ? 0 : home == away ? 1 : 2;
            bool won = winner == leg.outcome;
            // The first leaves out the away win, the second the draw, the third the home win.
            if (leg.market == DOUBLE_CHANCE) won = winner + leg.outcome != 2;
            return won ? 2 * uint256(leg.odds) : 0;
        }
        // By how many quarter goals the first outcome is ahead of the line.
        int256 ahead = leg.market == TOTAL_GOALS
            ? 4 * (home + away) - TOTAL_LINE
            : 4 * (home - away) + HANDICAP_LINE;
        if (leg.outcome == 1) ahead = -ahead;
        if (ahead >= 2) return 2 * uint256(leg.odds);
        if (ahead == 1) return uint256(leg.odds) + 10_000;
        if (ahead == 0) return 2 * 10_000;
        return ahead == -1 ? 10_000 : 0;
    }
}
