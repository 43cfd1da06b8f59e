"""Blocks and state dicts that tests of interop start from."""

import pytest
import torch


@pytest.fixture
def disturbed():
    """Return a function that gives every tensor of a module random values."""

    def disturb(module):
        torch.manual_seed(0)
        with torch.no_grad():
            for key, value in module.state_dict().items():
                if key.endswith("num_batches_tracked"):
                    value.fill_(7)
                elif key.endswith("running_var"):
                    value.uniform_(0.5, 2.0)
                else:
                    value.normal_(0, 0.5)
        return module.double().eval()

    return disturb


@pytest.fixture
def assert_same_state():
    """Return a check that two state dicts hold the same tensors bit for bit."""

    def check(found, want):
        assert sorted(found) == sorted(want)
        for key, value in want.items():
            assert found[key].dtype == value.dtype, key
            assert torch.equal(found[key], value), key

    return check
