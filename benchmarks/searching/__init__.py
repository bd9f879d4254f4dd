"""What search is worth, measured: the parts of `benchmarks/search.py`."""
