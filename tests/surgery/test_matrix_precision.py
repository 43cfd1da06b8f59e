"""A grafted host in other memory formats and precisions."""

import pytest
import torch

PRECISIONS = [torch.float64, torch.bfloat16]


def test_a_new_graft_changes_no_bit_with_channels_last(cell, images):
    plain, host = cell.host(), cell.host()
    cell.graft(host)
    for each in (plain, host):
        each.to(memory_format=torch.channels_last)
    x = images.to(memory_format=torch.channels_last)

    assert cell.answer(host, x).equal(cell.answer(plain, x))


def test_channels_last_gives_the_same_numbers(cell, images):
    host = cell.grafted()
    want = cell.answer(host, images)

    host.to(memory_format=torch.channels_last)

    x = images.to(memory_format=torch.channels_last)
    scale = float(want.abs().max())
    torch.testing.assert_close(cell.answer(host, x), want, rtol=0, atol=1e-4 * scale)


def test_a_new_graft_changes_no_bit_under_autocast(cell, images):
    plain, host = cell.host(), cell.host()
    cell.graft(host)

    with torch.autocast("cpu", torch.bfloat16):
        want, found = cell.answer(plain, images), cell.answer(host, images)

    assert found.dtype == want.dtype
    assert found.equal(want)


def test_autocast_gives_the_type_of_the_plain_host(cell, images):
    plain, host = cell.host(), cell.grafted()

    with torch.autocast("cpu", torch.bfloat16):
        want, found = cell.answer(plain, images), cell.answer(host, images)

    assert found.dtype == want.dtype
    assert found.isfinite().all()


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_a_converted_graft_changes_no_bit(host_cell, dtype, images):
    plain, host = host_cell.host(), host_cell.host()
    host_cell.graft(host)

    found = host_cell.answer(host.to(dtype), images.to(dtype))

    assert found.dtype == dtype
    assert found.equal(host_cell.answer(plain.to(dtype), images.to(dtype)))


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_a_host_of_a_precision_gets_blocks_of_it(host_cell, dtype, images):
    host = host_cell.host().to(dtype)

    host_cell.graft(host)

    assert {value.dtype for value in host.parameters()} == {dtype}


def test_double_precision_gives_the_same_numbers(cell, images):
    host = cell.grafted()
    want = cell.answer(host, images)

    found = cell.answer(host.double(), images.double())

    scale = float(want.abs().max())
    torch.testing.assert_close(found.float(), want, rtol=0, atol=1e-3 * scale)


def test_half_precision_gives_the_same_numbers(new_cell, images):
    cell = new_cell("timm:resnet18", "cbam")
    host = cell.grafted()
    want = cell.answer(host, images)

    found = cell.answer(host.half(), images.half())

    assert found.dtype == torch.float16
    scale = float(want.abs().max())
    torch.testing.assert_close(found.float(), want, rtol=0, atol=1e-2 * scale)
