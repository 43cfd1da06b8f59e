"""What the blocks of a network look at in images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from torch import Tensor, nn

from foveate import _checks
from foveate.explain._calls import Call, check_images, run_watched
from foveate.explain._network import network_of
from foveate.explain.gathering import BlockGathering
from foveate.pictures.block_maps import BlockMaps
from foveate.pictures.places import Query, place_of
from foveate.surgery.attention import LayerSelector, find_attention

__all__ = ["BlockGathering", "block_maps", "raw_block_maps"]


def block_maps(
    model: nn.Module,
    images: Tensor | Iterable[Tensor],
    *,
    query: Query | None = None,
    table_places: int = 0,
    at: LayerSelector | Sequence[LayerSelector] | None = None,
    batch_size: int = 16,
) -> BlockMaps:
    """Return what the blocks of a network look at in images.

    Every block and fusion of ours is asked for its ``maps``, of the very input that it
    gets, in the same run; be it grafted, whatever its start, or built in. Of attention
    of known libraries, and of other modules that were grafted, the gates are measured
    from what goes in and comes out, and ``said`` tells how much of it they explain. The
    network is evaluated, and left as it was.

    The maps are those of the block. What a graft lets through of it is told in
    ``said`` where that is nothing.

    Args:
        model: The network; DDP and ``torch.compile`` around it are looked through.
        images: A batch ``(N, C, H, W)``, or several of any sizes, such as
            ``(1, C, H, W)`` each; they are taken one after another, and none is kept.
        query: Of pairwise blocks the place that looks: row and column as shares of the
            image's height and width, from 0 to 1. None: the centre.
        table_places: Of pairwise blocks, from up to how many places to look for
            ``tables``: all of its map if there are no more, else as many as are evenly
            spread. 0 makes none.
        at: Only the blocks that this selects, by their own path or class or by those
            of a layer that holds them; as for ``graft``.
        batch_size: How many images of a tensor run at once.

    Raises:
        OptionError: There is no image, a value cannot work, the network does not run
            with the images, or ``at`` means layers without attention.
        SiteError: ``at`` means no layer.
        ShapeError: An image is none, or a map has a value that is not finite.

    Example:
        >>> import torch, foveate as fv
        >>> host = fv.backbones.resnet10(width=16, attention="cbam").eval()
        >>> seen = block_maps(host, torch.rand(2, 3, 64, 96), at="layer3")
        >>> [(heat.where, heat.source, heat.values.shape) for heat in seen.looked[0]]
        [('layer3.0.attention', 'spatial', (4, 6))]
        >>> seen.gates[0].values.shape
        (2, 64)
    """
    _checks.positive("block_maps", batch_size=batch_size)
    gathering = BlockGathering(model, table_places=table_places, at=at)
    for batch in _batches(images, batch_size):
        gathering.add(batch, query=query)
    return gathering.finish()


def raw_block_maps(
    model: nn.Module,
    x: Tensor,
    *,
    query: Query | None = None,
    at: LayerSelector | Sequence[LayerSelector] | None = None,
) -> dict[str, dict[str, Tensor]]:
    """Return what ``block.maps`` returns for each block of a network, as it is.

    Args:
        model: The network; it is left as it was.
        x: A batch of images, ``(N, C, H, W)``.
        query: As for ``block_maps``.
        at: As for ``block_maps``.

    Returns:
        The maps of each block, under the name that ``block_maps`` has for its place.

    Example:
        >>> import torch, foveate as fv
        >>> host = fv.backbones.resnet10(width=16, attention="coordinate").eval()
        >>> maps = raw_block_maps(host, torch.rand(1, 3, 64, 96), at="layer4")
        >>> maps["layer4.0.attention"]["row"].shape
        torch.Size([1, 128, 2, 1])
    """
    check_images(x, "raw_block_maps")
    place = place_of(query)
    network = network_of(model)
    found = [each for each in find_attention(network, at) if each.has_maps]
    maps: dict[str, dict[str, Tensor]] = {}

    def keep(call: Call) -> None:
        maps[call.where] = call.maps(call.place(place) if call.is_pairwise else None)

    run_watched(network, x, found, keep)
    return maps


def _batches(images: Tensor | Iterable[Tensor], size: int) -> Iterator[Tensor]:
    if isinstance(images, Tensor):
        check_images(images, "block_maps")
        for start in range(0, len(images), size):
            yield images[start : start + size]
    else:
        yield from images
