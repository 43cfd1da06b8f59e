"""Every block can be copied, pickled, saved, and built without memory."""

import copy
import io
import pickle

import pytest
import torch

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)


def memory_of(block):
    return {value.data_ptr() for value in block.state_dict().values()}


def test_a_deep_copy_answers_the_same(name, new_block, new_input):
    block, x = new_block(name), new_input(name)

    twin = copy.deepcopy(block)

    assert twin(x).equal(block(x))


def test_a_deep_copy_shares_no_memory(name, new_block):
    block = new_block(name)

    twin = copy.deepcopy(block)

    assert memory_of(twin).isdisjoint(memory_of(block))


def test_a_deep_copy_after_a_backward_pass_answers_the_same(name, new_block, new_input):
    block, x = new_block(name), new_input(name)
    block(x.clone().requires_grad_()).sum().backward()

    twin = copy.deepcopy(block)

    assert twin(x).equal(block(x))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickle_answers_the_same(name, protocol, new_block, new_input):
    block, x = new_block(name), new_input(name)

    twin = pickle.loads(pickle.dumps(block, protocol))  # noqa: S301

    assert twin(x).equal(block(x))


def test_a_saved_state_loads_strictly_into_a_new_block(
    name, new_block, new_input, fresh_block
):
    block, x = new_block(name), new_input(name)
    file = io.BytesIO()

    torch.save(block.state_dict(), file)
    file.seek(0)
    fresh = fresh_block(name).double().eval()
    fresh.load_state_dict(torch.load(file, weights_only=True), strict=True)

    assert fresh(x).equal(block(x))


def test_two_new_blocks_share_no_memory(name, new_block):
    first, second = new_block(name), new_block(name)

    assert memory_of(first).isdisjoint(memory_of(second))


def test_is_built_without_memory_on_the_meta_device(name, fresh_block):
    with torch.device("meta"):
        block = fresh_block(name)

    assert all(value.is_meta for value in block.state_dict().values())


def test_create_makes_it_on_the_device_of_choice(name, fresh_block):
    block = fresh_block(name, device="meta")

    assert all(value.is_meta for value in block.state_dict().values())


def test_create_makes_it_in_the_type_of_choice(name, fresh_block):
    block = fresh_block(name, dtype=torch.bfloat16)

    assert all(p.dtype == torch.bfloat16 for p in block.parameters())


def test_a_state_can_be_assigned_to_a_block_on_the_meta_device(
    name, new_block, new_input, fresh_block
):
    block, x = new_block(name), new_input(name)

    with torch.device("meta"):
        empty = fresh_block(name).eval()
    empty.load_state_dict(block.state_dict(), strict=True, assign=True)

    assert empty(x).equal(block(x))


def test_starts_the_same_from_the_same_random_numbers(name, fresh_block):
    torch.manual_seed(4)
    first = fresh_block(name).state_dict()
    torch.manual_seed(4)
    second = fresh_block(name).state_dict()

    assert all(second[key].equal(value) for key, value in first.items())


def test_its_text_names_its_class(name, new_block):
    block = new_block(name)

    assert repr(block).startswith(f"{type(block).__name__}(")
