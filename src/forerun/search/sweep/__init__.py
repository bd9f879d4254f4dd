"""Exhaustive search: every configuration of a grid of billions, scored from tables that stay in the cache."""
