"""Tuning programs that are not forerun's: what to try next, and how to run them."""

from forerun.tuning.external.chooser import Chooser, key
from forerun.tuning.external.command import Template
from forerun.tuning.external.encoder import encoder_of
from forerun.tuning.external.knowledge import chooser_of

__all__ = ["Chooser", "Template", "chooser_of", "encoder_of", "key"]
