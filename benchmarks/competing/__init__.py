"""Strategies of search against each other, and against the certified optimum."""
