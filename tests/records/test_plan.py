"""A plan and the sites of a host as files and as tables."""

import pytest

from foveate.errors import RecordError
from foveate.records import MapShape, Place, Plan, Refusal, Site, Sites

SHAPE = MapShape(channels=8, height=4, width=2)


def place(**changed):
    values = {"path": "layer1", "block": "se", "maps": (SHAPE,)}
    return Place(**(values | changed))


def plan(*places, refused=()):
    return Plan(host="Net", example=((1, 3, 8, 4),), places=places, refused=refused)


@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_a_plan_is_read_back_as_it_was_written(tmp_path, ending):
    options = {
        "reduction": 4,
        "bias": True,
        "gain": 0.5,
        "act_layer": "relu",
        "hidden_channels": None,
        "kernel_sizes": (3, 5),
        "branches": ("max", "mean"),
    }
    whole = plan(
        place(options=options, position="replace", start="paper", replaced="ReLU"),
        place(path="layer2", maps=(SHAPE, SHAPE)),
        refused=(Refusal(path="fc", reason="returns no feature maps."),),
    )

    assert Plan.load(whole.save(tmp_path / f"plan.{ending}")) == whole


@pytest.mark.parametrize(
    ("name", "value"), [("bias", True), ("depth", 1), ("gain", 1.0)]
)
def test_an_option_keeps_its_type_in_a_file(tmp_path, name, value):
    path = plan(place(options={name: value})).save(tmp_path / "plan.yaml")

    read = Plan.load(path).places[0].options[name]

    assert type(read) is type(value)


def test_a_file_says_what_a_person_would_write(tmp_path):
    text = plan(place()).save(tmp_path / "plan.yaml").read_text()

    (tmp_path / "short.yaml").write_text(
        "host: Net\n"
        "example: [[1, 3, 8, 4]]\n"
        "places:\n"
        "- path: layer1\n"
        "  block: se\n"
        "  maps: [{channels: 8, height: 4, width: 2}]\n"
    )
    assert "path: layer1" in text
    assert Plan.load(tmp_path / "short.yaml") == plan(place())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("  postion: after", "postion: there is no such field .* 'position'"),
        ("  position: behind", "position: cannot be 'behind'. Known: after, before"),
        ("  start: identiti", "start: cannot be 'identiti'. Did you mean 'identity'"),
        ("  maps: []", "maps: must not be empty"),
        ("  options: {reduction: {a: 1}}", "options.reduction"),
    ],
)
def test_a_plan_that_was_written_wrong_says_where(tmp_path, line, words):
    path = tmp_path / "plan.yaml"
    path.write_text(
        "host: Net\n"
        "example: [[1, 3, 8, 4]]\n"
        "places:\n"
        "- path: layer1\n"
        "  block: se\n"
        + ("" if "maps" in line else "  maps: [{channels: 8, height: 4, width: 2}]\n")
        + line
        + "\n"
    )

    with pytest.raises(RecordError, match=rf"plan\.yaml: places\.0\.({words})"):
        Plan.load(path)


def test_a_fitting_plan_has_no_refusals():
    whole = plan(place(), refused=(Refusal(path="fc", reason="no."),))

    assert whole.fitting() == plan(place())


def test_a_plan_is_shown_as_a_table_with_what_was_refused_below():
    whole = plan(
        place(), refused=(Refusal(path="fc", reason="returns no feature maps."),)
    )

    assert str(whole).splitlines() == [
        "where         block  start     channels x size",
        "after layer1  se     identity  8 x 4x2",
        "refused: fc: returns no feature maps.",
    ]


def test_sites_are_shown_as_a_table():
    sites = Sites(
        host="Net",
        example=((1, 3, 8, 4),),
        sites=(
            Site(
                path="layer1",
                type="Stage",
                outputs=(SHAPE, SHAPE),
                inputs=(),
                stride=2.0,
                stage=1,
            ),
            Site(path="fc", type="Linear", outputs=(), inputs=(), stride=None),
        ),
    )

    assert str(sites).splitlines() == [
        "path    type    channels x size   stride  stage",
        "layer1  Stage   8 x 4x2, 8 x 4x2  2       stage:1",
        "fc      Linear  no map",
    ]
