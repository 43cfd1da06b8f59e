"""Summaries made by hand."""

from statistics import mean, stdev

import pytest

from foveate.records import (
    PLAIN,
    BlockChoice,
    Curve,
    Data,
    Failure,
    GraftedBlock,
    Host,
    Interval,
    Machine,
    Noise,
    PlanChoice,
    Recipe,
    Row,
    Summary,
    Training,
)

MACHINE = Machine(
    processor="A processor",
    system="Linux x86_64",
    cores=2,
    versions={"python": "3.11.7", "torch": "2.13.0"},
)


def around(values, half):
    """Return the mean of two or more values, with a given half width."""
    if len(values) < 2:
        return None
    middle = mean(values)
    return Interval(estimate=middle, low=middle - half, high=middle + half)


def make_row(label, scores, plain, *, half, added, epochs, needed=None):
    values = list(scores.values())
    pairs = [] if label == PLAIN else sorted(scores.keys() & plain.keys())
    gains = [scores[seed] - plain[seed] for seed in pairs]
    family = around(gains, half)
    verdict = "cannot tell"
    if family and not family.low <= 0 <= family.high:
        verdict = "better" if family.low > 0 else "worse"
    return Row(
        label=label,
        block=None if label == PLAIN else "se",
        scores=scores,
        mean=mean(values),
        sd=stdev(values) if len(values) > 1 else None,
        interval=around(values, 0.012),
        difference=around(gains, half / 2),
        family=family,
        wins=sum(gain > 0 for gain in gains),
        pairs=len(pairs),
        verdict=verdict,
        seeds_needed=needed,
        class_accuracy=tuple(mean(values) for _ in range(10)),
        parameters=1_234_567 + added,
        macs=4_230_000,
        seconds=31.0,
        curves=tuple(
            Curve(
                seed=seed,
                test_accuracy=tuple(
                    score * epoch / epochs for epoch in range(1, epochs + 1)
                ),
            )
            for seed, score in scores.items()
        ),
    )


@pytest.fixture
def summary_of():
    """Return a function that makes a summary from scores by label and seed."""

    def make(
        scores,
        *,
        half=0.01,
        added=1000,
        epochs=4,
        failures=(),
        missing=(),
        machines=(MACHINE,),
        labels=(),
        needed=None,
    ):
        """``labels`` are those of blocks without a run."""
        plain = scores.get(PLAIN, {})
        rows = [
            make_row(
                label,
                mine,
                plain,
                half=half,
                added=0 if label == PLAIN else added,
                epochs=epochs,
                needed=(needed or {}).get(label),
            )
            for label, mine in scores.items()
        ]
        rows.sort(key=lambda row: (row.label != PLAIN, -row.mean))
        values = list(plain.values())
        noise = values and Noise(
            sd=stdev(values) if len(values) > 1 else None,
            low=min(values),
            high=max(values),
        )
        blocks = [label for label in scores if label != PLAIN] + list(labels)
        seeds = sorted({seed for mine in scores.values() for seed in mine}) or [0]
        return Summary(
            recipe=Recipe(
                name="a-recipe",
                data=Data(test_images=1000),
                host=Host(name="resnet10", width=16),
                blocks=tuple(BlockChoice(name="se", label=label) for label in blocks),
                training=Training(epochs=epochs),
                seeds=tuple(seeds),
            ),
            rows=tuple(rows),
            noise=noise or None,
            failures=tuple(failures),
            missing=tuple(missing),
            machines=tuple(machines),
        )

    return make


@pytest.fixture
def plain():
    """Return the scores of a plain host: mean 84.0 %, standard deviation 1 point."""
    return {0: 0.83, 1: 0.84, 2: 0.85}


@pytest.fixture
def mixed(summary_of, plain):
    """Return a summary with a better, a worse and an undecided block."""
    return summary_of(
        {
            PLAIN: plain,
            "se": {0: 0.85, 1: 0.86, 2: 0.87},
            "gam": {0: 0.80, 1: 0.81, 2: 0.82},
            "eca": {0: 0.835, 1: 0.845, 2: 0.855},
        }
    )


@pytest.fixture
def hostile(summary_of, plain):
    """Return a summary whose texts try to be markup."""
    label = '<b>&"x | *y*'
    return summary_of(
        {PLAIN: plain, label: {0: 0.85, 1: 0.86, 2: 0.87}},
        failures=[Failure(label=label, seed=3, reason="</script><img src=x>")],
        missing=[f"{label}, seed 4"],
    )


@pytest.fixture
def odd_cases(summary_of, plain):
    """Return summaries at the edge of what there can be, by name."""
    same = dict.fromkeys((0, 1, 2), 0.5)
    return {
        "one of each": summary_of({PLAIN: {0: 0.8}, "se": {0: 0.81}}, epochs=1),
        "all equal": summary_of({PLAIN: same, "se": same}, half=0.0, added=0),
        "perfect": summary_of({PLAIN: dict.fromkeys((0, 1), 1.0), "se": {0: 1, 1: 0}}),
        "no plain host": summary_of({"se": plain}),
        "only the plain host": summary_of({PLAIN: plain}, labels=["se"]),
        "no run": summary_of({}, labels=["se"], machines=()),
        "fewer parameters": summary_of({PLAIN: plain, "se": plain}, added=-10),
        "twenty blocks": summary_of(
            {PLAIN: plain}
            | {
                f"cbam(reduction={n}, kernel_size=7)": {
                    seed: score + n / 1000 for seed, score in plain.items()
                }
                for n in range(1, 21)
            }
        ),
    }


def graft(path, block="se", start="identity", **measured):
    return GraftedBlock(
        path=path,
        position="after",
        map=0,
        block=block,
        start=start,
        parameters=10,
        **measured,
    )


@pytest.fixture
def grafted(summary_of, plain):
    """Return a summary of a plan of two blocks and one of a user's block."""
    late, mine = "se at layer3 + layer4", "Mine at fc (paper)"
    made = summary_of(
        {
            PLAIN: plain,
            late: {0: 0.85, 1: 0.86, 2: 0.87},
            mine: {0: 0.80, 1: 0.81, 2: 0.82},
        }
    )
    grafts = {
        late: (graft("layer3", amount=0.0625, moved=0.031), graft("layer4")),
        mine: (graft("fc", "/home/me/mine.py:Mine", "paper", moved=0.5),),
    }
    recipe = Recipe(
        name="grafts",
        host=Host(name="/home/me/nets.py:make", weights="/home/me/w.pt", reset=("fc",)),
        plans=(
            PlanChoice(block="se", at=("layer3", "layer4")),
            PlanChoice(block="/home/me/mine.py:Mine", at=("fc",), start="paper"),
        ),
    )
    rows = [
        row.model_copy(update={"grafts": grafts.get(row.label, ())})
        for row in made.rows
    ]
    return made.model_copy(update={"recipe": recipe, "rows": tuple(rows)})
