"""A store of many runs, and the readers that are timed on it."""
