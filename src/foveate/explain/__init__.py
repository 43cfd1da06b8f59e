"""Where networks look: heat maps of blocks and of classes, and numbers about them."""

from __future__ import annotations

from foveate.explain.activation import class_activation, heat_maps
from foveate.explain.agreement import Agreement, agreement
from foveate.explain.blocks import block_maps, raw_block_maps
from foveate.explain.faithfulness import deletion, insertion, random_heats
from foveate.explain.habits import (
    EigenCAM,
    GradCAM,
    GradCAMPlusPlus,
    LayerCAM,
    Saliency,
    ScoreCAM,
)
from foveate.explain.localising import (
    METRICS,
    Localised,
    energy_inside,
    iou_at_quantile,
    localise,
    pointing_game,
)
from foveate.explain.looking import look
from foveate.explain.randomising import randomised
from foveate.explain.refilling import road
from foveate.explain.targets import (
    BoxTarget,
    ClassifierOutputTarget,
    SemanticSegmentationTarget,
)
from foveate.pictures import show_cam_on_image
from foveate.pictures.activation import Activation
from foveate.pictures.block_maps import BlockMaps
from foveate.pictures.target import Target

__all__ = [
    "METRICS",
    "Activation",
    "Agreement",
    "BlockMaps",
    "BoxTarget",
    "ClassifierOutputTarget",
    "EigenCAM",
    "GradCAM",
    "GradCAMPlusPlus",
    "LayerCAM",
    "Localised",
    "Saliency",
    "ScoreCAM",
    "SemanticSegmentationTarget",
    "Target",
    "agreement",
    "block_maps",
    "class_activation",
    "deletion",
    "energy_inside",
    "heat_maps",
    "insertion",
    "iou_at_quantile",
    "localise",
    "look",
    "pointing_game",
    "random_heats",
    "randomised",
    "raw_block_maps",
    "road",
    "show_cam_on_image",
]
