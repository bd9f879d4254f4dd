"""Branch and bound: the best configurations and the Pareto front, with the proof that nothing is missing."""
