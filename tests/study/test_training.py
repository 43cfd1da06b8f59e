"""A run: paired by its seed, the same every time, clear when it breaks."""

import numpy as np
import pytest
import torch

from foveate.errors import RunError
from foveate.records import BlockChoice, Host, Slot, Training
from foveate.study import grid, training
from foveate.study.hosts import host_of

NAMES = ["se", "eca", "cbam", "simam", "coordinate", "shuffle"]


def host(block, *, name="resnet10", slot="attention"):
    choice = None if block is None else BlockChoice(name=block)
    torch.manual_seed(5)
    return host_of(Host(name=name, width=16), Slot(name=slot), choice)


@pytest.mark.parametrize("block", NAMES)
def test_the_host_starts_from_the_same_weights_with_any_block(block):
    plain, grafted = host(None).state_dict(), host(block).state_dict()

    assert all(torch.equal(value, grafted[key]) for key, value in plain.items())


@pytest.mark.parametrize(
    ("block", "slot"), [("se", "attention"), ("concat", "join"), ("gated", "join")]
)
def test_a_pyramid_starts_from_the_same_weights_with_any_block(block, slot):
    plain = host(None, name="resnet10_fpn").state_dict()
    grafted = host(block, name="resnet10_fpn", slot=slot).state_dict()

    assert all(torch.equal(value, grafted[key]) for key, value in plain.items())


def test_a_fusion_goes_into_the_joins_and_attention_into_the_trunk():
    joined = host("gated", name="resnet10_fpn", slot="join")
    attended = host("se", name="resnet10_fpn")

    assert {type(one).__name__ for one in joined.joins} == {"GatedFusion"}
    assert joined.trunk.layer1[0].attention is None
    assert {type(one).__name__ for one in attended.joins} == {"Add"}
    assert type(attended.trunk.layer1[0].attention).__name__ == "SqueezeExcite"


def test_everything_in_a_pyramid_learns():
    model = host("concat", name="resnet10_fpn", slot="join")

    model(torch.randn(4, 3, 24, 24)).sum().backward()

    assert all(p.grad is not None for p in model.parameters())


def test_no_step_sees_fewer_images_than_a_batch(tiny, monkeypatch):
    seen = []
    shifted = training._shifted

    def note(pixels, *rest):
        seen.append(len(pixels))
        return shifted(pixels, *rest)

    monkeypatch.setattr(training, "_shifted", note)
    recipe = tiny(data={"train_images": 33}, training={"epochs": 2, "batch_size": 16})

    training.train(grid(recipe).runs[0])

    assert seen == [16, 16, 16, 16]


def test_a_run_gives_the_same_numbers_every_time(tiny):
    run = grid(tiny(seeds=[3])).runs[1]

    first, second = training.train(run), training.train(run)

    assert torch.equal(first.probabilities, second.probabilities)
    assert first.result.curve == second.result.curve
    assert all(
        torch.equal(value, second.weights[key]) for key, value in first.weights.items()
    )


def test_blocks_of_one_seed_see_the_same_images_in_the_same_order(tiny, monkeypatch):
    seen = []
    scaled = training._scaled

    def note(pixels):
        seen.append(pixels.clone())
        return scaled(pixels)

    monkeypatch.setattr(training, "_scaled", note)

    plain, se, other = grid(tiny(seeds=[3, 4])).runs[:3]
    for run in (plain, se, other):
        training.train(run)

    of_plain, of_se, of_other = np.array_split(np.arange(len(seen)), 3)
    assert all(
        torch.equal(seen[a], seen[b]) for a, b in zip(of_plain, of_se, strict=True)
    )
    assert not torch.equal(seen[of_plain[0]], seen[of_other[0]])


def test_a_run_leaves_threads_and_random_numbers_as_they_were(tiny):
    torch.manual_seed(1)
    before = torch.get_rng_state(), torch.get_num_threads()

    training.train(grid(tiny(training={"epochs": 1, "threads": 2})).runs[0])

    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]
    assert not torch.are_deterministic_algorithms_enabled()


def test_training_lowers_the_loss(tiny):
    recipe = tiny(training={"epochs": 12, "batch_size": 16, "learning_rate": 0.05})

    curve = training.train(grid(recipe).runs[0]).result.curve

    assert curve[-1].train_loss < 0.5 * curve[0].train_loss


def test_a_loss_that_is_no_number_breaks_the_run_with_advice(tiny):
    recipe = tiny(training={"epochs": 3, "batch_size": 16, "learning_rate": 1e30})

    with pytest.raises(RunError, match=r"no longer a number in epoch 1.*below 1e\+30"):
        training.train(grid(recipe).runs[0])


def test_a_device_that_is_not_there_breaks_the_run(tiny):
    recipe = tiny(training={"device": "cuda:7"})

    with pytest.raises(RunError, match="'cuda:7', but torch sees"):
        training.train(grid(recipe).runs[0])


def test_the_score_is_the_share_of_probabilities_that_name_the_label(tiny):
    found = training.train(grid(tiny()).runs[0])
    labels = np.arange(20) % 10
    right = found.probabilities.argmax(1).numpy() == labels

    assert found.result.accuracy == right.mean()
    assert found.result.class_accuracy[4] == right[labels == 4].mean()
    assert found.result.curve[-1].test_accuracy == found.result.accuracy


def test_a_shift_of_an_image_moves_it_and_repeats_its_edge():
    pixels = torch.arange(2 * 16).view(2, 1, 4, 4)
    generator = torch.Generator().manual_seed(0)
    moves = torch.randint(-2, 3, (2, 2, 1), generator=generator)[:, :, 0]

    moved = training._shifted(pixels, 2, torch.Generator().manual_seed(0))

    for image, (down, right) in enumerate(moves.T.tolist()):
        for i in range(4):
            for j in range(4):
                row, column = min(max(i + down, 0), 3), min(max(j + right, 0), 3)
                assert moved[image, 0, i, j] == pixels[image, 0, row, column]


def test_the_rate_rises_then_falls_to_zero():
    settings = Training(warmup=0.2)
    rates = [training._rate(done / 100, settings) for done in range(101)]

    assert max(rates) == rates[20] == 1.0
    assert rates[10] == pytest.approx(0.5)
    assert rates[60] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0.0)


def test_vectors_do_not_decay():
    model = host("se")

    decaying, others = training._optimizer(model, Training()).param_groups

    assert all(p.dim() > 1 for p in decaying["params"])
    assert all(p.dim() <= 1 for p in others["params"])
    assert others["weight_decay"] == 0
    assert len(decaying["params"]) + len(others["params"]) == len(
        list(model.parameters())
    )
