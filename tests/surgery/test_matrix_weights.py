"""The keys and checkpoints of a host outlive a graft."""

import foveate as fv
from foveate import surgery


def own(keys):
    return [key for key in keys if ".foveate." not in key]


def test_the_host_keeps_its_keys_and_their_order(cell, images):
    host = cell.host()
    keys = list(host.state_dict())

    cell.graft(host)

    assert own(host.state_dict()) == keys
    assert len(host.state_dict()) > len(keys)


def test_the_host_keeps_its_tensors(cell, images):
    host = cell.host()
    tensors = {key: id(value) for key, value in host.named_parameters()}

    cell.graft(host)

    found = dict(host.named_parameters())
    assert {key: id(found[key]) for key in own(found)} == tensors


def test_a_replacement_leaves_the_keys_of_all_other_layers(host_cell, images):
    host = host_cell.host()
    layer = dict(host.named_modules())
    path = next(s.path for s in fv.sites(host, images) if replaceable(s, layer))
    others = [key for key in host.state_dict() if not key.startswith(f"{path}.")]

    host_cell.graft(host, at=path, position="replace")

    assert own(host.state_dict()) == others


def replaceable(site, layers):
    has_weights = any(True for _ in layers[site.path].parameters())
    return has_weights and "replace" not in site.refusals


def test_a_checkpoint_of_the_plain_host_loads_into_the_host_part(cell, images):
    plain, host = cell.host(), cell.host(seed=1)
    cell.graft(host)

    missing, unexpected = host.load_state_dict(plain.state_dict(), strict=False)

    assert not unexpected
    assert not own(missing)
    assert cell.answer(host, images).equal(cell.answer(plain, images))


def test_a_grafted_checkpoint_loads_strictly_where_its_plan_was_applied(cell, images):
    trained, host = cell.grafted(), cell.host(seed=1)
    fv.graft(host, surgery.planned(trained))

    host.load_state_dict(trained.state_dict(), strict=True)

    assert cell.answer(host, images).equal(cell.answer(trained, images))


def test_a_host_without_memory_takes_blocks_and_weights(cell, images):
    trained, host = cell.grafted(), cell.host().to("meta")

    cell.graft(host)
    host.load_state_dict(trained.state_dict(), strict=True, assign=True)

    assert cell.answer(host, images).equal(cell.answer(trained, images))
