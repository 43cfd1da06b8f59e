"""Plans: any host, the same start for every contender, refusals before training."""

import shutil

import pytest
import torch

from foveate import backbones, hosts
from foveate.errors import RecipeError
from foveate.records import BlockChoice, Host, PlanChoice, Recipe, Run, Slot
from foveate.study import compare, grid, load_recipe, training
from foveate.study.hosts import network_of, started_host

NET = """
import torch
from torch import nn

drawn = torch.randn(3)  # what an import may do
made = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 10))


class Net(nn.Module):
    def __init__(self, num_classes=7, drop=0.5):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(drop)
        )
        self.fc = nn.Linear(8, num_classes)

    def forward(self, x):
        return self.fc(self.features(x).mean((2, 3)))


class Auxiliary(Net):
    def forward(self, x):
        logits = super().forward(x)
        return (logits, logits) if self.training else logits


def ten():
    return Net(10)


def again(found=[]):
    found += [] if found else [Net(10)]
    return found[0]


class Mine(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return x * self.conv(x).sigmoid()
"""
LAST = {"block": "se", "at": "features.2"}
OURS = {"host": {"name": "resnet10", "width": 8, "stem": "half"}}


@pytest.fixture
def net(tmp_path, monkeypatch):
    """The file of a network, ``net.py`` in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.py"
    path.write_text(NET)
    return path


@pytest.fixture
def planned(net, tiny):
    """A function that returns a recipe of plans in the network of the file."""

    def of(*plans, **fields):
        base = {"host": {"name": "net.py:Net"}, "seeds": [0]}
        recipe = {**tiny(blocks=["se"]).plain(), **base, "plans": [*plans]}
        return load_recipe(Recipe.parse({**recipe, "blocks": [], **fields}, "r.yaml"))

    return of


def keys(recipe):
    return [run.key for run in grid(recipe).runs]


def changed(recipe, change):
    """Return which runs of a recipe get another key when something changes."""
    before = keys(recipe)
    change()
    return [a != b for a, b in zip(before, keys(recipe), strict=True)]


def test_plans_run_after_blocks_seed_by_seed(planned):
    plan = {"block": "se", "at": "layer4"}
    recipe = planned(plan, blocks=["eca"], seeds=[3, 5], **OURS)

    assert [run.title for run in grid(recipe).runs] == [
        f"{label}, seed {seed}"
        for seed in (3, 5)
        for label in ("plain", "eca", "se at layer4")
    ]


def test_a_run_says_which_layers_a_selector_meant(planned, tmp_path):
    run = grid(planned({"block": "se", "at": "*.[2]"})).runs[1]

    assert run.block is None
    assert [(p.path, p.block) for p in run.plan.places] == [("features.2", "se")]
    assert Run.load(run.save(tmp_path / "settings.yaml")) == run


@pytest.mark.slow
def test_the_same_layers_have_the_same_key_however_they_are_said(planned):
    by_stage, by_name = (
        grid(planned({"block": "se", "at": at}, **OURS)).runs[1]
        for at in ("stage:-1", "layer4")
    )
    by_places = planned({"places": by_name.plan.places, "label": "mine"}, **OURS)

    assert by_stage.key == by_name.key == keys(by_places)[1]


def test_what_a_plan_says_changes_its_key_alone(planned):
    before = keys(planned(LAST))

    for more in ({"start": "paper"}, {"position": "before"}, {"at": "features.3"}):
        plain, plan = keys(planned({**LAST, **more}))
        assert (plain == before[0], plan == before[1]) == (True, False)


def test_a_change_of_the_file_of_a_host_makes_all_its_runs_stale(planned, net):
    def change():
        net.write_text(net.read_text() + "\n# another\n")

    assert changed(planned(LAST), change) == [True, True]


def test_a_change_of_the_file_of_a_block_makes_only_its_runs_stale(planned, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(NET)
    recipe = planned(LAST, {"block": "mine.py:Mine", "at": "features.2"})

    assert changed(recipe, lambda: file.write_text(NET + "\n\n")) == [0, 0, 1]


def test_weights_count_by_what_is_in_them_not_by_where_they_are(planned, tmp_path):
    for name in ("a.pt", "other.pt"):
        made = hosts.load("net.py:Net", num_classes=10)
        torch.save(made.state_dict(), tmp_path / name)
    shutil.copy(tmp_path / "a.pt", tmp_path / "same.pt")
    recipes = [
        planned(LAST, host={"name": "net.py:Net", "weights": name})
        for name in ("a.pt", "same.pt", "other.pt")
    ]

    one, same, other = map(keys, recipes)

    assert one == same
    assert not set(one) & set(other)


@pytest.mark.parametrize(
    ("host", "at"),
    [
        ({"name": "net.py:Net"}, "features.2"),
        ({"name": "net.py:ten"}, "features.2"),
        ({"name": "resnet10", "width": 8, "stem": "half"}, "layer3"),
        ({"name": "timm:resnet18"}, "layer3"),
        ({"name": "torchvision:mobilenet_v3_small"}, "stage:1"),
    ],
)
@pytest.mark.slow
def test_every_contender_starts_from_the_same_host(planned, timm, host, at):
    recipe = planned(
        {"block": "cbam", "at": at}, {"block": "se", "at": at, "start": "gate"}
    )
    recipe = load_recipe(Recipe.model_validate({**recipe.plain(), "host": host}))
    plain, *grafted = [network_of(run).state_dict() for run in grid(recipe).runs]

    for state in grafted:
        own = {key: value for key, value in state.items() if ".foveate." not in key}
        assert list(own) == list(plain)
        assert all(torch.equal(value, own[key]) for key, value in plain.items())
        assert len(state) > len(own)


def test_random_numbers_of_training_do_not_depend_on_the_block(planned):
    runs = grid(planned(LAST, {"block": "net.py:Mine", "at": "features.2"})).runs

    drawn = []
    for run in runs:
        network_of(run)
        drawn.append(torch.rand(4))

    assert torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[0], drawn[2])


@pytest.mark.slow
def test_a_block_that_starts_as_the_identity_leaves_the_first_loss_as_it_was(planned):
    # one step, with dropout in the host
    one_step = {"epochs": 1, "batch_size": 16, "shift": 1}
    data = {"image_size": 24, "train_images": 16, "test_images": 10}
    recipe = planned(
        LAST,
        {"block": "cbam", "at": "features.1"},
        {"block": "net.py:Mine", "at": "features.2", "start": "paper"},
        training=one_step,
        data=data,
    )

    plain, se, cbam, paper = [
        training.train(run).result.curve[0].train_loss for run in grid(recipe).runs
    ]

    assert plain == se == cbam
    assert paper != plain


def test_a_result_has_the_cost_and_the_movement_of_a_graft(planned):
    plain, plan = [training.train(run).result for run in grid(planned(LAST)).runs]

    (graft,) = plan.grafts
    # fc1 and fc2 of 8 * 1 weights, 1 and 8 biases if any, and 8 amounts
    assert plan.parameters == plain.parameters + graft.parameters
    assert plan.macs == plain.macs + 2 * 8
    assert (graft.path, graft.block, graft.start) == ("features.2", "se", "identity")
    assert 0 < graft.amount < 1
    assert graft.moved > 0
    assert plain.grafts == ()


@pytest.mark.usefixtures("timm")
@pytest.mark.slow
def test_the_library_of_a_host_is_among_the_versions(planned):
    data = {"image_size": 32, "train_images": 16, "test_images": 10}
    one_step = {"epochs": 1, "batch_size": 16, "shift": 0}
    recipe = planned(
        {"block": "se", "at": "stage:-1"},
        host={"name": "torchvision:mobilenet_v3_small"},
        data=data,
        training=one_step,
    )

    results = [training.train(run).result for run in grid(recipe).runs]

    assert all("torchvision" in result.machine.versions for result in results)
    assert all("timm" not in result.machine.versions for result in results)
    assert results[1].grafts[0].path.startswith("features.")


def test_weights_are_loaded_but_for_what_is_reset(planned, tmp_path):
    host = hosts.load("net.py:Net", num_classes=5)
    torch.save(host.state_dict(), tmp_path / "five.pt")
    recipe = planned(
        LAST, host={"name": "net.py:Net", "weights": "five.pt", "reset": ["fc"]}
    )
    plain, plan = (network_of(run).state_dict() for run in grid(recipe).runs)

    assert torch.equal(plain["features.0.weight"], host.features[0].weight)
    assert torch.equal(plan["features.0.weight"], host.features[0].weight)
    assert torch.equal(plan["fc.weight"], plain["fc.weight"])


def test_a_block_in_a_slot_starts_from_the_same_weights(tmp_path):
    made = backbones.create("resnet10", width=8, num_classes=5)
    torch.save(made.state_dict(), tmp_path / "five.pt")
    host = Host(
        name="resnet10", width=8, weights=str(tmp_path / "five.pt"), reset=("fc",)
    )
    states = []
    for block in (None, BlockChoice(name="se")):
        torch.manual_seed(3)
        states.append(started_host(host, Slot(), block).state_dict())
    plain, attended = states

    assert torch.equal(plain["conv1.weight"], made.conv1.weight)
    assert all(torch.equal(value, attended[key]) for key, value in plain.items())


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (
            {"block": "se", "at": "layer9"},
            r"^plans.0 \(se at layer9\): at: no layer matches 'layer9'\. ",
        ),
        (
            {"block": "see", "at": "features.2"},
            r"^plans.0 \(see at features.2\): no block named 'see'.*'se'",
        ),
        (
            {**LAST, "options": {"reduciton": 4}},
            r"^plans.0 .*: se has no option 'reduciton'. Did you mean 'reduction'",
        ),
        (
            {"block": "se", "at": "features.[02]"},
            r"^plans.0 .*: features.0: its output goes straight into the BatchNorm "
            r"features.1, .* Let at leave out what is refused\.$",
        ),
        (
            {"block": "net.py:Min", "at": "features.2"},
            r"^plans.0 \(Min at features.2\): no 'Min' in .*net.py. "
            r"Known: .*Mine",
        ),
        (
            {"block": "simam", "at": "features.2", "start": "gate"},
            r"^plans.0 \(simam at features.2 \(gate\)\): simam cannot start as 'gate'",
        ),
        ({"block": "concat", "at": "features.2"}, r"'concat' is a fusion"),
    ],
)
def test_a_plan_that_cannot_be_grafted_is_named_with_its_field(planned, plan, words):
    with pytest.raises(RecipeError, match=words):
        grid(planned(plan))


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (
            {"name": "net.py:Net", "options": {"num_classes": 7}},
            r"^host: net.py:Net returns \(2, 7\) in evaluation .* logits \(2, 10\) are "
            r"needed. Set host.options.num_classes to 10, or leave it out\.$",
        ),
        (
            {"name": "net.py:Auxiliary"},
            r"^host: net.py:Auxiliary returns a tuple in training for 2 images .*Name "
            r"a classifier, or a function of yours that takes num_classes",
        ),
        ({"name": "net.py:made"}, r"^host: net.py:made does not start from the seed"),
        ({"name": "net.py:again"}, r"^host: net.py:again does not start from the seed"),
        ({"name": "none.py:Net"}, r"^host: no file .*none.py"),
        (
            {"name": "net.py:Net", "options": {"dropp": 0.1}},
            r"^host: .*net.py:Net has no option 'dropp'. Did you mean 'drop'",
        ),
        (
            {"name": "net.py:Net", "weights": "five.pt"},
            r"^host: weights: five.pt: its weights do not fit Net. Of another shape: "
            r"fc.weight is \(5, 8\), needed \(10, 8\), .* is named in host.reset, such",
        ),
        (
            {"name": "net.py:Net", "weights": "five.pt", "reset": ["head"]},
            r"^host: weights: Net: no weight is called 'head'",
        ),
        (
            {"name": "torch.nn:Conv2d", "options": {"in_channels": 4}},
            r"^host: torch.nn:Conv2d cannot be built",
        ),
        (
            {"name": "torch.nn:Linear", "options": {"in_features": 5}},
            r"^host: torch.nn:Linear cannot be built",
        ),
    ],
)
def test_a_host_that_cannot_be_compared_is_refused(planned, tmp_path, host, words):
    five = hosts.load("net.py:Net", num_classes=5)
    torch.save(five.state_dict(), tmp_path / "five.pt")

    with pytest.raises(RecipeError, match=words):
        grid(planned(LAST, host=host))


def test_a_weight_without_a_place_is_not_said_to_be_cured_by_reset(planned, tmp_path):
    state = hosts.load("net.py:Net", num_classes=10).state_dict()
    torch.save({**state, "aux.bias": torch.ones(1)}, tmp_path / "more.pt")

    with pytest.raises(RecipeError, match=r"do not fit Net. Unexpected: aux.bias\.$"):
        grid(planned(LAST, host={"name": "net.py:Net", "weights": "more.pt"}))


def test_a_host_that_does_not_run_with_the_images_is_refused(planned):
    host = {"name": "torch.nn:Conv2d", "options": {}}
    host["options"] = {"in_channels": 4, "out_channels": 10, "kernel_size": 3}

    with pytest.raises(
        RecipeError,
        match=r"^host: torch.nn:Conv2d does not run in evaluation with images "
        r"\(2, 3, 24, 24\): .* Set data.image_size or host.options so that they fit",
    ):
        grid(planned(LAST, host=host))


def test_two_plans_of_the_same_places_are_refused(planned):
    with pytest.raises(
        RecipeError,
        match=r"plans: 'se at features.2' and 'late' put the same blocks to the same",
    ):
        grid(planned(LAST, {**LAST, "at": "features.[2]", "label": "late"}))


def test_planning_plans_in_a_host_of_ours_asks_for_no_memory(planned):
    wide = {"host": {"name": "resnet10", "width": 20_000, "stem": "half"}}

    assert len(grid(planned({"block": "se", "at": "layer4"}, **wide)).runs) == 2


def test_planning_leaves_random_numbers_as_they_were(planned):
    recipe = planned(LAST)
    before = torch.get_rng_state()

    grid(recipe)

    assert torch.equal(torch.get_rng_state(), before)


def test_a_plan_choice_of_places_keeps_its_label(planned):
    run = grid(planned({**LAST, "label": "late"})).runs[1]

    assert run.plan == PlanChoice(places=run.plan.places, label="late")


@pytest.mark.slow
def test_plans_are_compared_in_processes_and_reported(planned, tmp_path):
    one_step = {"epochs": 1, "batch_size": 16, "shift": 1}
    mine = {"block": "net.py:Mine", "at": "features.2", "start": "paper"}
    recipe = planned(LAST, mine, training=one_step, seeds=[0, 1])

    summary = compare(recipe, folder=tmp_path / "runs", progress=False)
    page = summary.report(tmp_path / "page.html").read_text()

    rows = {row.label: row for row in summary.rows}
    assert summary.failures == ()
    assert next(iter(rows)) == "plain"
    assert rows["se at features.2"].block == "se"
    assert rows["Mine at features.2 (paper)"].block == f"{tmp_path}/net.py:Mine"
    assert rows["se at features.2"].grafts[0].amount > 0
    assert rows["plain"].grafts == ()
    assert len(summary.machines) == 1
    assert "2 plans tried in net.py:Net on digit-scenes" in page
