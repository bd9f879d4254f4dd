"""Recommendations replayed on recorded evaluations: ours and the peers, in one harness."""
