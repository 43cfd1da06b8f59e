"""Sort operations by the work they do, and add it up."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from foveate.profile._formulas import FORMULAS

__all__ = ["BesideProducts"]

# each writes values that it computes or moves one by one; most others are tagged so
WRITERS_NAMES = """
    _pdist_forward _prelu_kernel _to_copy _trilinear arange bernoulli cat
    channel_shuffle clone col2im constant_pad_nd copy diagonal_scatter elu embedding
    exponential eye fill flip floor_divide fmod full full_like gather glu
    grid_sampler_2d grid_sampler_3d hardsigmoid hardswish hardtanh im2col index
    index_add index_copy index_put index_select leaky_relu linspace masked_scatter mish
    native_channel_shuffle native_dropout new_full new_ones new_zeros normal ones
    ones_like pixel_shuffle pixel_unshuffle rand rand_like randint randn randn_like
    randperm reflection_pad1d reflection_pad2d reflection_pad3d remainder repeat
    repeat_interleave replication_pad1d replication_pad2d replication_pad3d roll rot90
    rrelu_with_noise scatter scatter_add scatter_reduce select_scatter silu
    slice_scatter softplus stack tril triu uniform upsample_bicubic2d
    upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d
    upsample_nearest3d upsample_trilinear3d _upsample_bicubic2d_aa
    _upsample_bilinear2d_aa _upsample_nearest_exact2d zero zeros zeros_like
"""
WRITERS = frozenset(WRITERS_NAMES.split())

# each reads values to normalise them or to make fewer of them; some are tagged so
READERS_NAMES = """
    _adaptive_avg_pool2d _adaptive_avg_pool3d _batch_norm_no_update
    _batch_norm_with_update _fused_rms_norm _log_softmax _native_batch_norm_legit
    _native_batch_norm_legit_no_training _safe_softmax _softmax
    _weight_norm_interface adaptive_max_pool2d adaptive_max_pool3d all amax amin
    aminmax any argmax argmin avg_pool2d avg_pool3d cudnn_batch_norm cummax cummin
    cumprod cumsum linalg_vector_norm logcumsumexp logsumexp max
    max_pool2d_with_indices max_pool3d_with_indices mean min mkldnn_max_pool2d nansum
    native_batch_norm native_group_norm native_layer_norm norm prod std std_mean sum
    trace var var_mean
"""
READERS = frozenset(READERS_NAMES.split())

# each gives or looks at memory, and at no number in it
IDLE_NAMES = """
    _has_same_storage_numel _linalg_check_errors _local_scalar_dense _reshape_alias
    _unsafe_view alias as_strided detach empty empty_like empty_permuted empty_strided
    is_same_size lift lift_fresh new_empty new_empty_strided resize resize_as set
    squeeze t transpose unsqueeze
"""
IDLE = frozenset(IDLE_NAMES.split())


class BesideProducts(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what operations do that are no convolutions or matrix products.

    It stands above torch's counter, which takes more operations to pieces than run so.

    Attributes:
        elementwise: Values written, each computed or moved by itself.
        pooling: Values read to normalise them or to make fewer of them.
        not_counted: Operations that are neither, nor products with a formula.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.elementwise = 0
        self.pooling = 0
        self.not_counted: set[str] = set()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run an operation and count it."""
        kwargs = kwargs or {}
        work = _work_of(func)
        if work is None:
            # torch takes some operations to pieces above a mode, others not
            with self:
                output = func.decompose(*args, **kwargs)
            if output is not NotImplemented:
                return output
            self.not_counted.add(str(func._overloadpacket))  # noqa: SLF001
        output = func(*args, **kwargs)
        if work == "reads":
            self.pooling += _values(args[:1])
        elif work == "writes":
            self.elementwise += _values(output)
        return output


@cache
def _work_of(func: Any) -> str | None:
    """Return ``products``, ``reads``, ``writes`` or ``idle``; None if unknown."""
    packet = func._overloadpacket  # noqa: SLF001
    if packet in flop_registry or packet in FORMULAS:
        return "products"
    namespace, _, name = str(packet).partition(".")
    # what changes its input in place ends in an underscore
    name = name.removesuffix("_") if namespace == "aten" else str(packet)
    tags = {str(tag).removeprefix("Tag.") for tag in func.tags}
    if name in READERS or "reduction" in tags:
        return "reads"
    if name in WRITERS or "pointwise" in tags:
        return "writes"
    idle = name in IDLE or func.is_view or namespace == "prim"
    return "idle" if idle else None


def _values(tree: Any) -> int:
    tensors = (leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor))
    return sum(prod(tensor.shape) for tensor in tensors)
