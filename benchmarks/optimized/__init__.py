"""How well learned optimizers train networks that they never saw."""
