"""Every exception that forerun raises on purpose.

A message says which value, of what, what is allowed and what came, in that order, and what to do next.
The command line prints it without a traceback and ends with exit code 2.
"""


class ForerunError(Exception):
    """Base of all errors that a user can mend."""


class SettingsError(ForerunError):
    """A settings file has an unknown key, a missing one or a value out of range."""


class SpaceError(ForerunError):
    """A search space is malformed, or a configuration does not belong to it."""


class DataError(ForerunError):
    """A data set cannot be read, or cannot be made into a task."""


class FormatError(ForerunError):
    """A saved file is damaged, or of a format version that this forerun does not read."""


class HistoryError(ForerunError):
    """A history holds too little, or the wrong things, for what was asked of it."""


class StoreError(ForerunError):
    """The MLflow store cannot be reached, read or written."""


class TrainingError(ForerunError):
    """A training went wrong in a way that its learner understands (diverged, for example)."""
