"""A few real trainings, chosen well."""

from forerun.tuning.acquisition import ACQUISITIONS
from forerun.tuning.baselines import AVERAGE, DEFAULTS, RANDOM, Contender, default_in, judge, progress, random_searches
from forerun.tuning.explanation import explain
from forerun.tuning.final import Final, final_score
from forerun.tuning.front import TradeOff, thinned, trade_off
from forerun.tuning.grounds import Grounds, trace
from forerun.tuning.loop import Budget, Round, Train, Tuned, tune
from forerun.tuning.portfolio import best_on_average, portfolio
from forerun.tuning.tuner import Suggested, Suggestion, Tuner

__all__ = [
    "ACQUISITIONS",
    "AVERAGE",
    "DEFAULTS",
    "RANDOM",
    "Budget",
    "Contender",
    "Final",
    "Grounds",
    "Round",
    "Suggested",
    "Suggestion",
    "TradeOff",
    "Train",
    "Tuned",
    "Tuner",
    "best_on_average",
    "default_in",
    "explain",
    "final_score",
    "judge",
    "portfolio",
    "progress",
    "random_searches",
    "thinned",
    "trace",
    "trade_off",
    "tune",
]
