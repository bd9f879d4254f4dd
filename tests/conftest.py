"""Shared by all tests: how Hypothesis searches (`pytest --hypothesis-profile deep` looks harder)."""

from hypothesis import settings

# no deadline: the machines that run this are shared; derandomized: a build that passed once passes again
settings.register_profile("steady", max_examples=40, deadline=None, derandomize=True)
settings.register_profile("deep", max_examples=1_000, deadline=None)
settings.load_profile("steady")
