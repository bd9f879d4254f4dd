"""What many trials teach: task features, targets and the meta-dataset."""

from forerun.metadata.dataset import LOSS, SECONDS, MetaDataset
from forerun.metadata.datasheet import datasheet
from forerun.metadata.featurize import featurize
from forerun.metadata.hardware import hardware_features
from forerun.metadata.metafeatures import metafeatures
from forerun.metadata.nearest import Neighbour, nearest_tasks
from forerun.metadata.scaler import FeatureScaler
from forerun.metadata.scales import ScaleModel
from forerun.metadata.targets import ABSOLUTE, WORST, Standard, Units, locate, standardise

__all__ = [
    "ABSOLUTE",
    "LOSS",
    "SECONDS",
    "WORST",
    "FeatureScaler",
    "MetaDataset",
    "Neighbour",
    "ScaleModel",
    "Standard",
    "Units",
    "datasheet",
    "featurize",
    "hardware_features",
    "locate",
    "metafeatures",
    "nearest_tasks",
    "standardise",
]
