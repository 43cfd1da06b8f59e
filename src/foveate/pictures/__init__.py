"""Images that people have, and heat maps as data and as pictures; no framework."""

from __future__ import annotations

from foveate.pictures.cam_image import show_cam_on_image
from foveate.pictures.colours import colour, ramp
from foveate.pictures.comparing import side_by_side
from foveate.pictures.files import check_formats, save_grid
from foveate.pictures.gate_statistics import ChannelStatistics
from foveate.pictures.gate_words import describe
from foveate.pictures.gates import channel_statistics
from foveate.pictures.grid import Cell, Grid
from foveate.pictures.heat_map import HeatMap, resized
from foveate.pictures.maps import Maps
from foveate.pictures.overlay import overlay
from foveate.pictures.reading import read_picture
from foveate.pictures.scale import Scale
from foveate.pictures.scales import shared
from foveate.pictures.seen import (
    AttentionTable,
    Branches,
    ChannelGates,
    Looked,
    Picture,
    Unread,
)

__all__ = [
    "AttentionTable",
    "Branches",
    "Cell",
    "ChannelGates",
    "ChannelStatistics",
    "Grid",
    "HeatMap",
    "Looked",
    "Maps",
    "Picture",
    "Scale",
    "Unread",
    "channel_statistics",
    "check_formats",
    "colour",
    "describe",
    "overlay",
    "ramp",
    "read_picture",
    "resized",
    "save_grid",
    "shared",
    "show_cam_on_image",
    "side_by_side",
]
