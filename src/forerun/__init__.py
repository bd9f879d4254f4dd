"""Know how good a model will be before you train it."""

__version__ = "0.1.0"
