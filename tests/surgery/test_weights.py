"""A host with its blocks in one file and back, and the host's own weights."""

import copy
import json
import subprocess
import sys
import textwrap

import pytest
import safetensors
import safetensors.torch
import torch
from torch import nn

import foveate as fv
from foveate.errors import OptionError, RecordError, SiteError, WeightsError
from foveate.surgery import has_plan, host_state_dict, load_host, planned

EXAMPLE = (1, 3, 16, 12)


class Half(nn.Module):
    """A block of a user's."""

    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels,), 0.5))

    def forward(self, x):
        return x * self.scale[:, None, None]


class Tied(nn.Module):
    """A host whose two convolutions have one weight."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 1)
        self.first = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.act = nn.ReLU()
        self.last = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.last.weight = self.first.weight

    def forward(self, x):
        return self.last(self.act(self.first(self.stem(x))))


class Noting(nn.Conv2d):
    """A layer whose state is not only of tensors."""

    def get_extra_state(self):
        return {"seen": 3}

    def set_extra_state(self, state):
        pass


def resnet(seed=0, attention="se"):
    torch.manual_seed(seed)
    return fv.backbones.resnet10(width=16, attention=attention).eval()


def grafted(seed=0):
    """Return a host with blocks at three positions that have left their start."""
    host = resnet(seed)
    fv.graft(host, "cbam", at="layer[12]", example=EXAMPLE)
    fv.graft(host, "se", at="layer4", example=EXAMPLE, position="before", start="gate")
    fv.swap(host, "eca", at="layer[34].*.attention", example=EXAMPLE)
    return rouse(host)


@torch.no_grad()
def rouse(host):
    for parameter in host.parameters():
        parameter.add_(0.1 * torch.randn(parameter.shape))
    return host


@torch.no_grad()
def answer(host):
    images = torch.randn(2, *EXAMPLE[1:], generator=torch.Generator().manual_seed(5))
    return host(images)


def state_of(host):
    return copy.deepcopy(host.state_dict())


def same_state(host, state):
    now = host.state_dict()
    return list(now) == list(state) and all(now[key].equal(state[key]) for key in state)


def rewritten(path, change):
    """Write a file again with what ``change`` makes of its tensors and its header."""
    with safetensors.safe_open(path, framework="pt") as file:
        header = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    change(tensors, header)
    safetensors.torch.save_file(tensors, path, metadata=header)
    return path


def test_a_plain_host_becomes_what_was_saved(tmp_path):
    host, plain = grafted(), resnet(seed=1)

    path = fv.save(host, tmp_path / "last.safetensors")
    plan = fv.load(plain, path)

    assert torch.equal(answer(plain), answer(host))
    assert same_state(plain, host.state_dict())
    assert planned(plain).places == plan.places == planned(host).places


def test_a_host_with_the_same_blocks_gets_the_weights(tmp_path):
    host, other = grafted(), grafted(seed=1)
    kept = other.layer1[0].foveate
    path = fv.save(host, tmp_path / "last.safetensors")

    fv.load(other, path)

    assert torch.equal(answer(other), answer(host))
    assert other.layer1[0].foveate is kept


def test_what_was_replaced_comes_back_after_loading(tmp_path):
    host, plain = grafted(), resnet(seed=1)
    path = fv.save(host, tmp_path / "last.safetensors")
    fv.load(plain, path)

    fv.prune(host)
    fv.prune(plain)

    assert torch.equal(answer(plain), answer(host))
    assert same_state(plain, host.state_dict())


def test_keys_of_the_host_are_in_the_file_as_they_are(tmp_path):
    host = grafted()

    path = fv.save(host, tmp_path / "last.safetensors")

    keys = set(safetensors.torch.load_file(path))
    added = keys - set(host.state_dict())
    assert set(host.state_dict()) <= keys
    assert {key.partition(":")[0] for key in added} == {"foveate.replaced"}


def test_torch_draws_the_same_random_numbers_after_loading(tmp_path):
    path = fv.save(grafted(), tmp_path / "last.safetensors")
    plain = resnet(seed=1)
    random = torch.get_rng_state()

    fv.load(plain, path)

    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.slow  # 3 to 6 s: Python and torch start anew
def test_a_fresh_process_rebuilds_the_host(tmp_path):
    host = grafted()
    path = fv.save(host, tmp_path / "last.safetensors")
    code = f"""
        import sys, torch
        sys.modules["pickle"].Unpickler = None
        import foveate as fv
        host = fv.backbones.resnet10(width=16, attention="se").eval()
        fv.load(host, {str(path)!r})
        images = torch.randn(2, 3, 16, 12, generator=torch.Generator().manual_seed(5))
        with torch.no_grad():
            values = host(images).flatten().tolist()
        print(values)
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    torch.testing.assert_close(
        torch.tensor(json.loads(done.stdout)), answer(host).flatten()
    )


def test_tied_weights_are_written_under_each_name_and_stay_tied(tmp_path):
    host, plain = Tied(), Tied()
    fv.graft(host, "se", at="act", example=EXAMPLE)

    path = fv.save(host, tmp_path / "last.safetensors")
    fv.load(plain, path)

    assert {"first.weight", "last.weight"} <= set(safetensors.torch.load_file(path))
    assert plain.last.weight is plain.first.weight
    assert torch.equal(answer(plain), answer(host))


def test_a_host_in_channels_last_keeps_its_format_and_its_values(tmp_path):
    host, plain = (grafted().to(memory_format=torch.channels_last) for _ in range(2))
    fv.prune(plain)

    fv.load(plain, fv.save(host, tmp_path / "last.safetensors"))

    weight = plain.conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert same_state(plain, host.state_dict())


def test_tensors_that_are_views_of_larger_ones_are_written_alone(tmp_path):
    host = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU())
    large = torch.randn(100, 8)
    host[0].bias = nn.Parameter(large[7])
    host[0].register_buffer("column", large[:, 3])
    fv.graft(host, "se", at="1", example=EXAMPLE)

    path = fv.save(host, tmp_path / "last.safetensors")

    tensors = safetensors.torch.load_file(path)
    assert tensors["0.bias"].equal(large[7])
    assert tensors["0.column"].equal(large[:, 3])
    # 24 of the convolution, 8 and 100 of the two views, 24 of the block and its blend
    assert sum(tensor.numel() for tensor in tensors.values()) == 156


def test_a_host_of_half_precision_takes_the_weights_in_its_own(tmp_path):
    host, plain = grafted(), resnet(seed=1).to(torch.bfloat16)

    fv.load(plain, fv.save(host, tmp_path / "last.safetensors"))

    assert plain.conv1.weight.equal(host.conv1.weight.to(torch.bfloat16))


def test_wrappers_are_left_out_of_the_file(tmp_path):
    host = grafted()

    wrapped = nn.DataParallel(torch.compile(host, backend="eager"))

    path = fv.save(wrapped, tmp_path / "last.safetensors")

    assert set(host.state_dict()) <= set(safetensors.torch.load_file(path))


def test_a_wrapped_host_with_the_same_blocks_gets_the_weights(tmp_path):
    host, other = grafted(), grafted(seed=1)
    path = fv.save(host, tmp_path / "last.safetensors")

    fv.load(torch.compile(other, backend="eager"), path)

    assert same_state(other, host.state_dict())


def test_a_plain_host_is_not_grafted_within_its_wrapper(tmp_path):
    path = fv.save(grafted(), tmp_path / "last.safetensors")

    with pytest.raises(SiteError, match="wrapped in DataParallel, which would not"):
        fv.load(nn.DataParallel(resnet()), path)


def test_a_host_of_keywords_is_loaded_with_an_example(tmp_path):
    class Titled(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.act = nn.Conv2d(3, 8, 1), nn.ReLU()

        def forward(self, *, image):
            return self.act(self.stem(image))

    host, plain = Titled(), Titled()
    fv.graft(host, "se", at="act", example={"image": EXAMPLE})
    path = fv.save(host, tmp_path / "last.safetensors")

    fv.load(plain, path, example={"image": EXAMPLE})

    assert same_state(plain, host.state_dict())


def test_a_host_of_whole_numbers_is_loaded_with_an_example(tmp_path):
    class Looking(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.act = nn.Embedding(9, 8), nn.ReLU()

        def forward(self, places):
            return self.act(self.table(places).movedim(-1, 1))

    host, plain = Looking(), Looking()
    places = torch.arange(20).reshape(1, 4, 5) % 9
    fv.graft(host, "se", at="act", example=places)
    path = fv.save(host, tmp_path / "last.safetensors")

    fv.load(plain, path, example=places)

    assert same_state(plain, host.state_dict())


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = fv.save(grafted(), tmp_path / "last.safetensors")
    before = path.read_bytes()

    def fill_the_disk(tensors, file, metadata):
        file.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(safetensors.torch, "save_file", fill_the_disk)
    with pytest.raises(OSError, match="no space"):
        fv.save(grafted(seed=1), path)

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_host_of_another_width_is_refused_and_left_as_it_was(tmp_path):
    path = fv.save(grafted(), tmp_path / "last.safetensors")
    other = fv.backbones.resnet10(width=16, attention="se", num_classes=7)
    before, layers = state_of(other), [m for _, m in other.named_modules()]
    words = (
        r"last\.safetensors: its weights do not fit ResNet\. Of another shape: "
        r"fc\.weight is \(1000, 128\), needed \(7, 128\), fc\.bias is \(1000,\)"
    )

    with pytest.raises(WeightsError, match=words):
        fv.load(other, path)

    assert same_state(other, before)
    assert [m for _, m in other.named_modules()] == layers


def test_missing_and_unexpected_weights_are_named(tmp_path):
    path = fv.save(grafted(), tmp_path / "last.safetensors")

    def change(tensors, header):
        del tensors["fc.bias"]
        tensors["head.bias"] = torch.zeros(2)

    rewritten(path, change)

    with pytest.raises(WeightsError, match=r"Missing: fc\.bias\. Unexpected: head\."):
        fv.load(resnet(), path)


def test_a_lost_weight_of_a_replaced_layer_is_named(tmp_path):
    path = fv.save(grafted(), tmp_path / "last.safetensors")
    key = "foveate.replaced:layer3.0.attention.fc1.weight"
    rewritten(path, lambda tensors, header: tensors.pop(key))

    with pytest.raises(WeightsError, match=f"Missing: {key}"):
        fv.load(resnet(), path)


def test_a_host_of_another_architecture_is_refused_by_its_sites(tmp_path):
    path = fv.save(grafted(), tmp_path / "last.safetensors")
    other = Tied()
    before = state_of(other)

    with pytest.raises(SiteError, match="Tied has no such layer"):
        fv.load(other, path)

    assert same_state(other, before)


def test_other_blocks_in_the_host_are_refused(tmp_path):
    path = fv.save(grafted(), tmp_path / "last.safetensors")
    other = resnet()
    fv.graft(other, "eca", at="layer1", example=EXAMPLE)
    before = state_of(other)
    words = r"after layer1 is cbam in the file and eca in the host\. .*fv\.prune"

    with pytest.raises(WeightsError, match=words):
        fv.load(other, path)

    assert same_state(other, before)


def test_other_options_of_a_block_in_the_host_are_refused(tmp_path):
    host, other = resnet(), resnet()
    fv.graft(host, "se", at="layer1", example=EXAMPLE, options={"reduction": 4})
    fv.graft(other, "se", at="layer1", example=EXAMPLE)
    path = fv.save(host, tmp_path / "last.safetensors")

    with pytest.raises(WeightsError, match=r"is se {'reduction': 4} in the file and"):
        fv.load(other, path)


def test_a_block_of_the_users_is_not_imported_for_a_file(tmp_path):
    host, plain = Tied(), Tied()
    fv.graft(host, Half, at="act", example=EXAMPLE)
    path = fv.save(host, tmp_path / "last.safetensors")
    words = r"test_weights:Half\), and importing them runs their code.*trust_code=True"

    with pytest.raises(WeightsError, match=words):
        fv.load(plain, path)

    fv.load(plain, path, trust_code=True)
    assert same_state(plain, host.state_dict())


def test_a_block_of_the_users_that_is_there_needs_no_trust(tmp_path):
    host = Tied()
    fv.graft(host, Half, at="act", example=EXAMPLE)
    path = fv.save(host, tmp_path / "last.safetensors")
    other = copy.deepcopy(host)
    other.act.foveate.after[0].amount.data.fill_(1.0)

    fv.load(other, path)

    assert same_state(other, host.state_dict())


def test_a_file_of_a_plain_host_names_what_loads_it(tmp_path):
    safetensors.torch.save_file(resnet().state_dict(), tmp_path / "host.safetensors")

    with pytest.raises(
        WeightsError, match=r"host\.safetensors: has no plan.*load_host"
    ):
        fv.load(resnet(), tmp_path / "host.safetensors")


def test_a_file_that_is_no_safetensors_is_refused(tmp_path):
    torch.save(resnet().state_dict(), tmp_path / "host.pt")

    with pytest.raises(
        WeightsError, match=r"host\.pt: is no whole file of safetensors"
    ):
        fv.load(resnet(), tmp_path / "host.pt")


def test_a_file_that_was_cut_short_is_refused(tmp_path):
    path = fv.save(grafted(), tmp_path / "last.safetensors")
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(WeightsError, match="is no whole file of safetensors"):
        fv.load(resnet(), path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"no file .*last\.safetensors\."):
        fv.load(resnet(), tmp_path / "last.safetensors")


@pytest.mark.parametrize("text", ["{", "[]", '{"schema_number": 1}'])
def test_a_damaged_header_is_refused(tmp_path, text):
    path = fv.save(grafted(), tmp_path / "last.safetensors")
    rewritten(path, lambda tensors, header: header.update(foveate=text))

    with pytest.raises(WeightsError, match="header is damaged"):
        fv.load(resnet(), path)


def test_a_plan_that_is_none_says_what_is_wrong_with_it(tmp_path):
    path = fv.save(grafted(), tmp_path / "last.safetensors")
    text = json.dumps({"schema_number": 1, "plan": {"host": "x"}})
    rewritten(path, lambda tensors, header: header.update(foveate=text))

    with pytest.raises(RecordError, match=r"last\.safetensors: example: this field"):
        fv.load(resnet(), path)


def test_a_file_of_a_later_version_says_so(tmp_path):
    path = fv.save(grafted(), tmp_path / "last.safetensors")
    text = json.dumps({"schema_number": 2, "plan": {}})
    rewritten(path, lambda tensors, header: header.update(foveate=text))

    with pytest.raises(WeightsError, match=r"form 2, and .* reads form 1"):
        fv.load(resnet(), path)


def test_a_host_without_memory_is_neither_saved_nor_loaded(tmp_path):
    path = fv.save(grafted(), tmp_path / "last.safetensors")
    host = grafted().to("meta")
    words = r"conv1\.weight is on the meta device.*to_empty"

    with pytest.raises(WeightsError, match=f"save: {words}"):
        fv.save(host, tmp_path / "meta.safetensors")
    with pytest.raises(WeightsError, match=f"ResNet: {words}"):
        fv.load(host, path)


@pytest.mark.parametrize("what", ["state", "sparse"])
def test_what_safetensors_cannot_hold_is_named(tmp_path, what):
    kind = Noting if what == "state" else nn.Conv2d
    host = nn.Sequential(kind(3, 8, 1), nn.ReLU())
    fv.graft(host, "se", at="1", example=EXAMPLE)
    if what == "sparse":
        host[0].register_buffer("mask", torch.eye(3).to_sparse())
    words = {"state": r"0\._extra_state .*\(dict\)", "sparse": r"0\.mask .*sparse_coo"}

    with pytest.raises(WeightsError, match=f"save: {words[what]}"):
        fv.save(host, tmp_path / "last.safetensors")


def test_a_host_without_blocks_is_not_saved(tmp_path):
    with pytest.raises(SiteError, match=r"save: ResNet has no grafts\. Graft first"):
        fv.save(resnet(), tmp_path / "last.safetensors")


def test_another_ending_is_refused_with_the_right_one(tmp_path):
    with pytest.raises(OptionError, match=r"got 'last\.pt'\. Try 'last\.safetensors'"):
        fv.save(grafted(), tmp_path / "last.pt")


def test_a_host_says_its_own_state_dict_as_without_blocks():
    host = resnet()
    before = state_of(host)
    fv.graft(host, "cbam", at="layer1", example=EXAMPLE)
    fv.swap(host, "eca", at="layer3.0.attention", example=EXAMPLE)

    own = host_state_dict(host)

    assert list(own) == list(before)
    assert all(own[key].equal(before[key]) for key in before)
    assert own._metadata == before._metadata
    resnet(seed=1).load_state_dict(own)


def test_a_plain_checkpoint_goes_into_a_host_with_blocks():
    checkpoint = rouse(resnet(seed=1)).state_dict()
    host = grafted()
    blocks = {k: v.clone() for k, v in host.state_dict().items() if ".foveate." in k}

    load_host(host, checkpoint)

    own = host_state_dict(host)
    assert all(own[key].equal(checkpoint[key]) for key in checkpoint)
    assert all(host.state_dict()[key].equal(blocks[key]) for key in blocks)


def test_replaced_layers_come_back_with_the_weights_of_the_checkpoint():
    other = rouse(resnet(seed=1))
    host = grafted()

    load_host(host, other.state_dict())
    fv.prune(host)

    assert torch.equal(answer(host), answer(other))


def test_a_checkpoint_without_counts_of_batches_is_taken():
    checkpoint = resnet(seed=1).state_dict()
    old = {k: v for k, v in checkpoint.items() if "num_batches_tracked" not in k}
    host = grafted()

    load_host(host, old)

    assert host.conv1.weight.equal(checkpoint["conv1.weight"])


def test_a_checkpoint_that_does_not_fit_is_refused_and_changes_nothing():
    host = grafted()
    checkpoint = resnet(seed=1).state_dict()
    checkpoint["head.weight"] = checkpoint.pop("fc.weight")
    before = state_of(host)
    words = r"without its blocks\. Missing: fc\.weight\. Unexpected: head\.weight\."

    with pytest.raises(WeightsError, match=words):
        load_host(host, checkpoint)

    assert same_state(host, before)


def test_a_checkpoint_of_a_grafted_host_is_no_plain_one():
    host = grafted()

    with pytest.raises(WeightsError, match=r"Unexpected: layer1\.0\.foveate\.after"):
        load_host(host, host.state_dict())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("host.pt", r"came a str\. Read a file first"),
        ({"state_dict": {}}, r"'state_dict' is a dict.*checkpoint\['state_dict'\]"),
    ],
)
def test_what_is_no_state_dict_says_what_to_do(given, words):
    with pytest.raises(WeightsError, match=words):
        load_host(grafted(), given)


def test_a_host_without_memory_takes_no_checkpoint():
    with pytest.raises(WeightsError, match=r"ResNet: conv1\.weight is on"):
        load_host(grafted().to("meta"), resnet().state_dict())


def test_it_is_known_whether_a_file_brings_blocks(tmp_path):
    host = fv.backbones.resnet10(width=16)
    fv.graft(host, "se", at="layer4", example=(1, 3, 32, 32))
    fv.save(host, tmp_path / "blocks.safetensors")
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "plain.safetensors")
    torch.save({}, tmp_path / "weights.pt")

    found = {path.name: has_plan(path) for path in tmp_path.iterdir()}

    assert found == {
        "blocks.safetensors": True,
        "plain.safetensors": False,
        "weights.pt": False,
    }
    assert not has_plan(tmp_path / "nothing.safetensors")
