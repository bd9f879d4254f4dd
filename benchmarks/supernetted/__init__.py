"""Parts of `benchmarks/supernet.py`."""
