// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Signing} from "./Signing.sol";

/// @title Rules
/// @notice Matches, a catalogue of markets of every kind, and what a leg on each earns: written
/// independently, from the text of the interfaces and of docs/contracts.md.
abstract contract Rules is Signing {
    uint40 internal constant VOID_AFTER = 7 days;
    uint256 internal constant MARKETS = 16;
    uint256 internal constant ONE = 10_000;

    uint256 private constant DOUBLE_CHANCE = 2;
    uint256 private constant DRAW_NO_BET = 3;
    uint256 private constant TOTAL_GOALS = 4;
    uint256 private constant AWAY_TOTAL_GOALS = 6;
    uint256 private constant ASIAN_HANDICAP = 7;
    uint256 private constant EUROPEAN_HANDICAP = 8;
    uint256 private constant BOTH_TEAMS_TO_SCORE = 9;
    uint256 private constant CORRECT_SCORE = 10;
    uint256 private constant ODD_EVEN_GOALS = 11;
    uint256 private constant WINNING_MARGIN = 12;
    uint256 private constant PROPOSITION = 13;

    /// @dev How open bets on a market are locked.
    enum Mode {
        Netted,
        Paired,
        Gross
    }

    struct Match {
        bytes32 name;
        uint40 startsAt;
        // Of the result; a status of 0 if there is none.
        uint40 settledAt;
        uint40 publishedAt;
        uint40 finalAt;
        uint8 status;
        uint8 homeHalf;
        uint8 awayHalf;
        uint8 homeFull;
        uint8 awayFull;
        // Of the council; 0 before the first bet.
        uint24 term;
        bool isDisputed;
    }

    /// @dev `terms` as in the table of a batch: kind u8 | period u8 | line i16 | flags u8.
    struct Market {
        uint40 terms;
        uint8 kind;
        uint8 period;
        int16 line;
        bool inPlay;
        uint8 outcomes;
    }

    Match[] internal matches_;
    Market[MARKETS] internal markets_;

    /// @dev In ascending order of their ids. Lines of quarter goals both ways: of 0.75 goals one wins
    /// "Over" half, two of 2.25 lose it half.
    constructor() {
        uint256 number;
        // Kind, period, line in quarter goals, in play, number of outcomes.
        _list(number++, 1, 0, 0, false, 3);
        _list(number++, 1, 0, 0, true, 3);
        _list(number++, 1, 1, 0, false, 3);
        _list(number++, DOUBLE_CHANCE, 0, 0, false, 3);
        _list(number++, DRAW_NO_BET, 0, 0, false, 2);
        _list(number++, TOTAL_GOALS, 0, 9, false, 2);
        _list(number++, 5, 2, 3, false, 2);
        _list(number++, AWAY_TOTAL_GOALS, 0, 3, true, 2);
        _list(number++, ASIAN_HANDICAP, 0, -1, false, 2);
        _list(number++, EUROPEAN_HANDICAP, 0, 4, false, 3);
        _list(number++, BOTH_TEAMS_TO_SCORE, 0, 0, false, 2);
        _list(number++, CORRECT_SCORE, 0, 8, false, 12);
        _list(number++, ODD_EVEN_GOALS, 1, 0, false, 2);
        _list(number++, WINNING_MARGIN, 0, 8, false, 5);
        _list(number++, PROPOSITION, 0, 0, false, 2);
        _list(number++, PROPOSITION, 0, 0, true, 2);
        assert(number == MARKETS);
    }

    function _list(
        uint256 number,
        uint256 kind,
        uint8 period,
        int16 line,
        bool inPlay,
        uint8 outcomes
    ) private {
        uint40 terms = uint40(
            (kind << 32) | (uint256(period) << 24) | (uint256(uint16(line)) << 8) | (inPlay ? 1 : 0)
        );
        markets_[number] = Market(terms, uint8(kind), period, line, inPlay, outcomes);
    }

    // -- What a leg earns

    /// @dev Of `parts`, how many win and how many are refunded. `parts` is 0 while that is not
    /// decided.
    function _fate(uint256 match_, uint256 market, uint256 outcome, uint256 acceptedAt)
        internal
        view
        returns (uint256 win, uint256 refund, uint256 parts)
    {
        Match memory game = matches_[match_];
        Market memory held = markets_[market];
        if (game.status == 0) {
            return block.timestamp > game.startsAt + VOID_AFTER
                ? (uint256(0), uint256(2), uint256(2))
                : (uint256(0), uint256(0), uint256(0));
        }
        if (game.publishedAt > game.startsAt + VOID_AFTER) return (0, 2, 2);
        if (block.timestamp < game.finalAt) return (0, 0, 0);
        if (game.settledAt < (held.inPlay ? acceptedAt : game.startsAt)) return (0, 2, 2);
        if (held.kind == PROPOSITION) {
            if (game.status != 5) return (0, 2, 2);
            (win, refund, parts) = (game.homeHalf, game.awayHalf, game.homeFull);
            return (outcome == 0 ? win : parts - win - refund, refund, parts);
        }
        (int256 home, int256 away) = _goals(game, held.period);
        if (!_isDecided(game.status, held, home, away)) return (0, 2, 2);
        (win, refund) = _halves(held, outcome, home, away);
        return (win, refund, 2);
    }

    function _goals(Match memory game, uint256 period) private pure returns (int256, int256) {
        (int256 home, int256 away) =
            (int256(uint256(game.homeFull)), int256(uint256(game.awayFull)));
        if (period == 0) return (home, away);
        (int256 homeHalf, int256 awayHalf) =
            (int256(uint256(game.homeHalf)), int256(uint256(game.awayHalf)));
        return period == 1 ? (homeHalf, awayHalf) : (home - homeHalf, away - awayHalf);
    }

    /// @dev An abandoned match decides its first half if that was played, and what no further goal
    /// could change.
    function _isDecided(uint256 status, Market memory held, int256 home, int256 away)
        private
        pure
        returns (bool)
    {
        if (status == 1) return true;
        if (status == 2 || status == 5) return false;
        if (status == 4 && held.period == 1) return true;
        if (held.kind == BOTH_TEAMS_TO_SCORE) return home > 0 && away > 0;
        if (held.kind < TOTAL_GOALS || held.kind > AWAY_TOTAL_GOALS) return false;
        return 4 * _total(held.kind, home, away) >= int256(held.line) + 2;
    }

    function _total(uint256 kind, int256 home, int256 away) private pure returns (int256) {
        if (kind == TOTAL_GOALS) return home + away;
        return kind == AWAY_TOTAL_GOALS ? away : home;
    }

    /// @dev Halves that win and that are refunded, by the score.
    function _halves(Market memory held, uint256 outcome, int256 home, int256 away)
        private
        pure
        returns (uint256, uint256)
    {
        uint256 kind = held.kind;
        int256 ahead;
        if (kind >= TOTAL_GOALS && kind <= AWAY_TOTAL_GOALS) {
            ahead = 4 * _total(kind, home, away) - held.line;
        } else if (kind == ASIAN_HANDICAP || kind == DRAW_NO_BET) {
            ahead = 4 * (home - away) + held.line;
        } else {
            return (_wins(held, outcome, home, away) ? 2 : 0, 0);
        }
        // Quarter goals by which the first outcome is ahead of the line.
        if (outcome == 1) ahead = -ahead;
        if (ahead >= 2) return (2, 0);
        if (ahead == 1) return (1, 1);
        if (ahead == 0) return (0, 2);
        return (0, ahead == -1 ? 1 : 0);
    }

    function _wins(Market memory held, uint256 outcome, int256 home, int256 away)
        private
        pure
        returns (bool)
    {
        uint256 kind = held.kind;
        if (kind == BOTH_TEAMS_TO_SCORE) return (home > 0 && away > 0) == (outcome == 0);
        if (kind == ODD_EVEN_GOALS) return ((home + away) % 2 == 1) == (outcome == 0);
        if (kind == EUROPEAN_HANDICAP) home += held.line / 4;
        uint256 winner = home > away ? 0 : home == away ? 1 : 2;
        int256 most = held.line / 4;
        if (kind == CORRECT_SCORE) {
            uint256 side = uint256(most) + 1;
            if (home > most || away > most) return outcome == side * side + winner;
            return outcome == uint256(home) * side + uint256(away);
        }
        if (kind == WINNING_MARGIN) {
            int256 margin = home > away ? home - away : away - home;
            if (margin > most) margin = most;
            // Home by 1, 2, ..., draw, away by 1, 2, ...
            if (winner == 0) return outcome == uint256(margin) - 1;
            return outcome == uint256(most + margin);
        }
        // The first leaves out the away win, the second the draw, the third the home win.
        if (kind == DOUBLE_CHANCE) return winner + outcome != 2;
        return winner == outcome;
    }

    function _mode(uint256 market) internal view returns (Mode) {
        Market storage held = markets_[market];
        if (held.inPlay || held.kind == PROPOSITION) return Mode.Gross;
        if (held.kind == CORRECT_SCORE || held.kind == WINNING_MARGIN) return Mode.Gross;
        return held.kind == DOUBLE_CHANCE ? Mode.Paired : Mode.Netted;
    }

    // -- In words

    function _wordsOf(uint256 match_, uint256 market, uint256 outcome)
        internal
        view
        returns (bytes32)
    {
        Match storage game = matches_[match_];
        Market memory held = markets_[market];
        string[3] memory periods = ["Full time", "First half", "Second half"];
        return _legHash(
            LegText(
                game.name,
                game.startsAt,
                _kindName(held.kind),
                periods[held.period],
                held.line,
                held.inPlay,
                _outcomeName(held, outcome)
            )
        );
    }

    function _kindName(uint256 kind) private pure returns (string memory) {
        string[14] memory names = [
            "",
            "Match result",
            "Double chance",
            "Draw no bet",
            "Total goals",
            "Home total goals",
            "Away total goals",
            "Asian handicap",
            "European handicap",
            "Both teams to score",
            "Correct score",
            "Odd or even goals",
            "Winning margin",
            "Proposition"
        ];
        return names[kind];
    }

    function _outcomeName(Market memory held, uint256 outcome)
        private
        pure
        returns (string memory)
    {
        uint256 kind = held.kind;
        // An outcome that does not exist can be signed all the same.
        if (outcome >= held.outcomes) return "";
        if (kind == CORRECT_SCORE || kind == WINNING_MARGIN) {
            // Up to two goals.
            string[12] memory scores = [
                "0:0",
                "0:1",
                "0:2",
                "1:0",
                "1:1",
                "1:2",
                "2:0",
                "2:1",
                "2:2",
                "Any other home win",
                "Any other draw",
                "Any other away win"
            ];
            string[5] memory margins =
                ["Home by 1", "Home by 2 or more", "Draw", "Away by 1", "Away by 2 or more"];
            return kind == CORRECT_SCORE ? scores[outcome] : margins[outcome];
        }
        string[3] memory words = ["Over", "Under", ""];
        if (kind == 1 || kind == EUROPEAN_HANDICAP) words = ["Home", "Draw", "Away"];
        if (kind == DOUBLE_CHANCE) words = ["Home or draw", "Home or away", "Draw or away"];
        if (kind == DRAW_NO_BET || kind == ASIAN_HANDICAP) words = ["Home", "Away", ""];
        if (kind == BOTH_TEAMS_TO_SCORE || kind == PROPOSITION) words = ["Yes", "No", ""];
        if (kind == ODD_EVEN_GOALS) words = ["Odd", "Even", ""];
        return words[outcome];
    }
}
