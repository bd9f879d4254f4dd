"""The quantile-based copula transfer (Salinas et al., ICML 2020), by Syne Tune.

Losses of each source task become normal scores by their ranks; one XGBoost model of all sources predicts them
from a configuration, and its residual on a tenth of the evaluations is the standard deviation everywhere.
Each trial is a Thompson sample: normal scores of all candidates are drawn from the prediction and the lowest
untried one is tried next. That is the copula Thompson sampling of the paper, which does not learn from the
target's trials. Model and fit are Syne Tune's (`quantile_based_searcher.fit_model`, at most 100,000
evaluations); its searcher draws from 100,000 random configurations, which are the recorded candidates here.
It sees encoded configurations, as it would make its own one-hot columns. The package's import
needs huggingface_hub.
"""

from contextlib import redirect_stdout
from io import StringIO
from typing import Any, Self

import numpy as np
import pandas as pd

from forerun.metadata import MetaDataset
from forerun.metalearners.threads import one_thread
from forerun.space import Floats
from judging.base import Candidates, Method, Seen
from judging.peers_inputs import Inputs, highest, source_losses, untried

SAMPLES = 100_000
"""`max_fit_samples` of Syne Tune."""


class Quantile(Method):
    """Copula Thompson sampling."""

    @one_thread()
    def fit(self, meta: MetaDataset, rng: np.random.Generator) -> Self:
        import xgboost
        from syne_tune.config_space import uniform
        from syne_tune.optimizer.schedulers.transfer_learning.quantile_based.quantile_based_searcher import fit_model
        from syne_tune.optimizer.schedulers.transfer_learning.transfer_learning_task_evaluation import (
            TransferLearningTaskEvaluations,
        )

        self.inputs_ = Inputs.of(meta.space, meta.X)
        columns = [str(c) for c in self.inputs_.columns]
        space = {c: uniform(0.0, 1.0) for c in columns}
        evaluations = {
            str(t): TransferLearningTaskEvaluations(
                space, pd.DataFrame(self.inputs_(meta.X[rows]), columns=columns), ["loss"], losses[:, None, None, None]
            )
            for t, (rows, losses) in enumerate(source_losses(meta))
        }
        # it prints how long it took
        with redirect_stdout(StringIO()):
            self.pipeline_, _, self.sigma_ = fit_model(
                space,
                evaluations,
                normalization="gaussian",
                max_fit_samples=SAMPLES,
                random_state=np.random.RandomState(rng.integers(2**31)),
                model=xgboost.XGBRegressor(n_jobs=1),
            )
        self.last_: tuple[Any, ...] = (None, None)
        """Candidates that were asked about last, and what is predicted of them: a cache."""
        return self

    def choose(self, candidates: Candidates, seen: Seen, rng: np.random.Generator) -> int:
        if self.last_[0] is not candidates:
            self.last_ = (candidates, self._scores(candidates.X))
        left = untried(candidates, seen)
        return highest(-rng.normal(self.last_[1][left], self.sigma_), left, rng)

    def _scores(self, X: Floats) -> Floats:
        frame = pd.DataFrame(self.inputs_(X), columns=[str(c) for c in self.inputs_.columns])
        return np.asarray(self.pipeline_.predict(frame), dtype=float).ravel()
