"""Train the blocks of a host otherwise than its own layers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from foveate.errors import OptionError
from foveate.surgery._attaching import originals_in_place
from foveate.surgery._graft import CHILD
from foveate.surgery._wrapped import plan_of, unwrapped

__all__ = ["freeze_host", "keep_statistics", "parameter_groups"]


def parameter_groups(
    model: nn.Module,
    lr: float,
    *,
    block_lr: float | None = None,
    weight_decay: float = 0.0,
    block_weight_decay: float | None = None,
) -> list[dict[str, Any]]:
    """Return the parameters of host and blocks in groups for an optimizer of torch.

    New blocks often learn faster than the trained layers around them may. Vectors and
    single numbers (biases, norms, the amounts of a blend) do not decay. Parameters
    that are frozen are left out, so freeze first; tied ones are in it once.

    Args:
        model: A host with blocks.
        lr: Learning rate of the host's own parameters.
        block_lr: That of the blocks. None: the same.
        weight_decay: Weight decay of the host's matrices and kernels.
        block_weight_decay: That of the blocks'. None: the same.

    Returns:
        Those of these groups that have parameters, by their ``name``: ``host``,
        ``host_no_decay``, ``blocks`` and ``blocks_no_decay``.

    Raises:
        SiteError: The host has no blocks.
        OptionError: A value is no number of 0 or more, or all parameters are frozen.

    Example:
        >>> import foveate as fv
        >>> host = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        >>> _ = fv.graft(host, "se", at="1", example=(1, 3, 8, 8))
        >>> for group in parameter_groups(host, 0.01, block_lr=0.1, weight_decay=1e-4):
        ...     sizes = [tuple(parameter.shape) for parameter in group["params"]]
        ...     print(group["name"], group["lr"], group["weight_decay"], sizes)
        host 0.01 0.0001 [(8, 3, 3, 3)]
        host_no_decay 0.01 0.0 [(8,)]
        blocks 0.1 0.0001 [(1, 8, 1, 1), (8, 1, 1, 1)]
        blocks_no_decay 0.1 0.0 [(8,)]
    """
    plan_of(model, "parameter_groups")
    block_lr = lr if block_lr is None else block_lr
    if block_weight_decay is None:
        block_weight_decay = weight_decay
    _refuse_negative(lr=lr, block_lr=block_lr)
    _refuse_negative(weight_decay=weight_decay, block_weight_decay=block_weight_decay)
    host = {id(parameter) for _, parameter in _host_parameters(model)}
    groups = [
        {"name": "host", "lr": lr, "weight_decay": weight_decay},
        {"name": "host_no_decay", "lr": lr, "weight_decay": 0.0},
        {"name": "blocks", "lr": block_lr, "weight_decay": block_weight_decay},
        {"name": "blocks_no_decay", "lr": block_lr, "weight_decay": 0.0},
    ]
    members: list[list[nn.Parameter]] = [[], [], [], []]
    for parameter in model.parameters():
        if parameter.requires_grad:
            place = 2 * (id(parameter) not in host) + (parameter.dim() < 2)  # noqa: PLR2004
            members[place].append(parameter)
    if not any(members):
        raise OptionError(
            "parameter_groups: no parameter is to be trained: requires_grad is False "
            "for all. fv.surgery.freeze_host(model, frozen=False) thaws the host."
        )
    return [
        {"params": found, **group}
        for found, group in zip(members, groups, strict=True)
        if found
    ]


def freeze_host(model: nn.Module, *, frozen: bool = True) -> list[str]:
    """Keep the host as it is while its blocks are trained, or let it learn again.

    Its own parameters get no gradient, those of layers that were replaced included. Its
    BatchNorms use and keep the statistics that they have, also after ``model.train()``,
    which would otherwise let them drift: a hook puts each into evaluation whenever it
    runs. Dropout follows the mode of the host as ever.

    What was frozen before is not remembered: with ``frozen=False`` the whole host
    learns. The names that are returned say what was changed. Freeze before the
    optimizer is made and before DDP; thaw before or after ``prune``.

    Args:
        model: A host with blocks.
        frozen: False: undo it.

    Returns:
        The names of the parameters whose ``requires_grad`` was changed.

    Raises:
        SiteError: It is to be frozen and has no blocks, so that nothing would learn.

    Example:
        >>> import foveate as fv
        >>> host = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8))
        >>> _ = fv.graft(host, "se", at="1", example=(1, 3, 8, 8))
        >>> freeze_host(host)
        ['0.weight', '0.bias', '1.weight', '1.bias']
        >>> [name for name, p in host.named_parameters() if p.requires_grad][0]
        '1.foveate.after.0.amount'
    """
    model = unwrapped(model)
    if frozen:
        plan_of(model, "freeze_host")
    changed = []
    with originals_in_place(model):
        for name, parameter in _host_parameters(model):
            if parameter.requires_grad is frozen and parameter.is_floating_point():
                parameter.requires_grad_(not frozen)
                changed.append(name)
        for path, module in model.named_modules():
            if CHILD not in path.split(".") and _has_statistics(module):
                _hold(module, frozen=frozen, training=model.training)
    return changed


def keep_statistics(module: nn.Module, _: Any) -> None:
    """Put a layer into evaluation before it runs: a forward pre-hook."""
    if module.training:
        module.training = False


def _host_parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the parameters that a host has outside of its blocks."""
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if CHILD not in name.split("."):
            yield name, parameter


def _has_statistics(module: nn.Module) -> bool:
    return isinstance(getattr(module, "running_mean", None), Tensor)


def _hold(module: nn.Module, *, frozen: bool, training: bool) -> None:
    """Keep a layer in evaluation, or let it follow the mode of its host again."""
    hooks = module._forward_pre_hooks  # noqa: SLF001 - handles would not be copied
    held = [key for key, hook in hooks.items() if hook is keep_statistics]
    if frozen and not held:
        module.register_forward_pre_hook(keep_statistics)
    if frozen:
        module.training = False
    elif held:
        module.training = training
        for key in held:
            del hooks[key]


def _refuse_negative(**values: float) -> None:
    for name, value in values.items():
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if not (fits and 0 <= value < math.inf):
            raise OptionError(
                f"parameter_groups: {name} must be a number of 0 or more, "
                f"got {value!r}."
            )
