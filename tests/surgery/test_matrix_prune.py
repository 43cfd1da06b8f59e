"""Pruning leaves no trace: outputs, layers and hooks are what they were."""

import pytest

import foveate as fv

POSITIONS = ("after", "before")


def tree(host):
    return [(path, type(module), id(module)) for path, module in host.named_modules()]


def hooks(host):
    """Return every hook of every layer, with its order; all kinds that torch has."""
    return {
        (path, name): list(value.items())
        for path, module in host.named_modules()
        for name, value in vars(module).items()
        if "hook" in name and isinstance(value, dict)
    }


def attributes(host):
    return {path: list(vars(module)) for path, module in host.named_modules()}


def user_hook(*_):
    """Do nothing."""


def hook_every_way(layer):
    """Register the user's hooks of every kind; return their handles."""
    return [
        layer.register_forward_hook(user_hook),
        layer.register_forward_hook(user_hook, with_kwargs=True, always_call=True),
        layer.register_forward_pre_hook(user_hook),
        layer.register_forward_pre_hook(user_hook, with_kwargs=True),
        layer.register_full_backward_pre_hook(user_hook),
        layer.register_state_dict_post_hook(user_hook),
        layer.register_state_dict_pre_hook(user_hook),
        layer.register_load_state_dict_pre_hook(user_hook),
        layer.register_load_state_dict_post_hook(user_hook),
    ]


def test_the_output_is_to_the_bit_what_it_was(cell, images):
    host = cell.host()
    want = cell.answer(host, images)
    cell.graft(host)
    cell.rouse(host)

    fv.prune(host)

    assert cell.answer(host, images).equal(want)


@pytest.mark.parametrize("position", POSITIONS)
def test_layers_and_hooks_are_what_they_were(host_cell, position, images):
    host = host_cell.host()
    before = tree(host), hooks(host), attributes(host)
    host_cell.graft(host, at=places(host, images, position), position=position)

    fv.prune(host)

    assert (tree(host), hooks(host), attributes(host)) == before


def places(host, images, position):
    """Return every third layer that can have a block, sequences included."""
    found = [s.path for s in fv.sites(host, images) if position not in s.refusals]
    return apart(found[::3], host)


def apart(paths, host):
    """Leave out of ``paths`` those of one tensor: a sequence and its last step."""
    sequences = [
        p for p in paths if type(host.get_submodule(p)).__name__ == "Sequential"
    ]
    return [p for p in paths if not any(p.startswith(f"{s}.") for s in sequences)]


@pytest.mark.parametrize("position", POSITIONS)
def test_hooks_of_the_user_stay_in_their_order(host_cell, position, images):
    host = host_cell.host()
    sites = fv.sites(host, images, at=host_cell.sites)
    layers = [site.path for site in sites if position not in site.refusals]
    for path in layers:
        hook_every_way(host.get_submodule(path))
    first = hooks(host)
    host_cell.graft(host, at=layers, position=position)
    for path in layers:
        hook_every_way(host.get_submodule(path))

    fv.prune(host)

    kept = hooks(host)
    assert all(kept[key][: len(value)] == value for key, value in first.items())
    assert sum(map(len, kept.values())) == 2 * sum(map(len, first.values()))


@pytest.mark.parametrize("early", [True, False])
def test_a_hook_of_the_user_sees_what_the_block_returns(host_cell, early, images):
    host, seen = host_cell.host(), {}

    def note(name):
        return lambda _, x, y: seen.update({name: y})

    # a sequence would hold its block in its last step
    path = host_cell.sites[1]
    if early:
        host.get_submodule(path).register_forward_hook(note("user"))
    host_cell.graft(host)
    host_cell.rouse(host)
    if not early:
        host.get_submodule(path).register_forward_hook(note("user"))
    block = host.get_submodule(f"{path}.foveate.after.0")
    block.register_forward_hook(note("block"))

    host_cell.answer(host, images)

    assert seen["user"].equal(seen["block"])


def test_what_was_replaced_comes_back_as_the_object_that_it_was(host_cell, images):
    host = host_cell.host()
    before = tree(host), hooks(host), attributes(host)
    want = host_cell.answer(host, images)
    paths = [s.path for s in fv.sites(host, images) if "replace" not in s.refusals]
    outer = [p for p in paths if not any(p.startswith(f"{q}.") for q in paths)]
    host_cell.graft(host, at=outer, position="replace")
    host_cell.rouse(host)

    fv.prune(host)

    assert (tree(host), hooks(host), attributes(host)) == before
    assert host_cell.answer(host, images).equal(want)


@pytest.mark.parametrize("training", [True, False])
def test_what_was_replaced_comes_back_in_the_mode_of_the_host(
    host_cell, training, images
):
    host = host_cell.host().train(not training)
    paths = [s.path for s in fv.sites(host, images) if "replace" not in s.refusals]
    host_cell.graft(host, at=paths[0], position="replace")
    host.train(training)

    fv.prune(host)

    assert {module.training for module in host.modules()} == {training}
