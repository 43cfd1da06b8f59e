"""The sentences, case by case."""

import pytest

from foveate.records import PLAIN, Failure
from foveate.report import conclusion


@pytest.fixture
def say():
    """Return a function that joins a conclusion to one text."""
    return lambda summary: " ".join(conclusion(summary))


def test_the_noise_of_the_plain_host_comes_first(mixed):
    assert conclusion(mixed)[:2] == (
        "The plain resnet10 scored 84.0 % on average over 3 seeds.",
        "Changing only the seed moved it between 83.0 % and 85.0 % "
        "(standard deviation 1.0 points).",
    )


def test_a_seed_that_changes_nothing_is_said(summary_of, say):
    same = {0: 0.5, 1: 0.5}

    assert "Changing the seed did not change this score." in say(
        summary_of({PLAIN: same, "se": same})
    )


def test_a_better_and_a_worse_block_are_named_with_their_intervals(mixed, say):
    text = say(mixed)

    assert (
        "The block se scored higher than the plain host, "
        "by 2.0 points (interval 1.0 to 3.0)." in text
    )
    assert (
        "The block gam scored lower than the plain host, "
        "by 3.0 points (interval 2.0 to 4.0)." in text
    )
    assert "These intervals are widened so that those of all blocks together" in text


def test_two_better_blocks_share_a_sentence(summary_of, plain, say):
    summary = summary_of(
        {
            PLAIN: plain,
            "se": {0: 0.85, 1: 0.86, 2: 0.87},
            "eca": {0: 0.86, 1: 0.87, 2: 0.88},
        }
    )

    assert (
        "2 blocks scored higher than the plain host: eca by 3.0 points (interval "
        "2.0 to 4.0) and se by 2.0 points (interval 1.0 to 3.0)." in say(summary)
    )


def test_the_interval_of_a_single_block_is_not_called_widened(summary_of, plain, say):
    text = say(summary_of({PLAIN: plain, "se": {0: 0.85, 1: 0.86, 2: 0.87}}))

    assert "This interval holds at 95 %." in text
    assert "Bonferroni" not in text


def test_an_undecided_block_comes_with_what_could_have_been_told(mixed, say):
    text = say(mixed)

    assert (
        "For eca nothing can be concluded: the interval of its difference to the "
        "plain host includes zero." in text
    )
    assert (
        "With 3 seeds, typically only differences of about 1.0 points or more could "
        "have been told apart from zero." in text
    )


def test_where_nothing_stands_out_it_is_said_of_all(summary_of, plain, say):
    text = say(summary_of({PLAIN: plain, "se": plain, "eca": plain}))

    assert "No block can be told apart from the plain host." in text
    assert "For se and eca nothing can be concluded: the interval of their" in text


def test_one_seed_allows_no_conclusion(odd_cases, say):
    text = say(odd_cases["one of each"])

    assert "The plain resnet10 scored 80.0 % with one seed." in text
    assert "With one seed nothing can be concluded about any block" in text


def test_without_the_plain_host_there_is_nothing_to_compare_with(odd_cases, say):
    text = say(odd_cases["no plain host"])

    assert "The plain resnet10 has no finished run." in text
    assert "There is nothing to compare the blocks with" in text
    assert "not with each other" not in text


def test_a_block_with_one_shared_seed_is_left_open(summary_of, plain, say):
    text = say(summary_of({PLAIN: plain, "se": {2: 0.9}}))

    assert (
        "For se nothing can be concluded: fewer than two seeds are shared with the "
        "plain host." in text
    )
    assert "Not every block has a score for every seed" in text


def test_a_block_without_a_run_is_left_open(odd_cases, say):
    assert "For se nothing can be concluded: no run finished." in say(
        odd_cases["only the plain host"]
    )


def test_broken_and_missing_runs_are_counted_and_named(summary_of, plain, say):
    text = say(
        summary_of(
            {PLAIN: plain, "se": plain},
            failures=[Failure(label="se", seed=3, reason="killed")],
            missing=["se, seed 4", "se, seed 5"],
        )
    )

    assert "1 run broke and is in no number here: se, seed 3." in text
    assert "2 runs have not been trained yet: se, seed 4; se, seed 5." in text


def test_a_long_list_of_missing_runs_is_cut(summary_of, plain, say):
    missing = [f"se, seed {seed}" for seed in range(10, 20)]

    text = say(summary_of({PLAIN: plain, "se": plain}, missing=missing))

    assert "se, seed 15; and 4 more." in text
    assert "se, seed 16" not in text


def test_two_machines_are_a_caveat(mixed, say):
    machine = mixed.machines[0]
    other = machine.model_copy(update={"cores": 64})

    text = say(mixed.model_copy(update={"machines": (machine, other)}))

    assert "trained on 2 kinds of machine or sets of versions" in text
    assert "kinds of machine" not in say(mixed)


def test_at_the_joins_it_is_said_what_the_plain_host_does_there(mixed, say):
    slot = mixed.recipe.slot.model_copy(update={"name": "join"})
    recipe = mixed.recipe.model_copy(update={"slot": slot})

    text = say(mixed.model_copy(update={"recipe": recipe}))

    assert (
        "The plain host joins its maps by adding them up; each fusion stood in place "
        "of that addition at every join." in text
    )
    assert "joins" not in say(mixed)


def test_the_reach_of_the_conclusion_comes_last(mixed):
    assert conclusion(mixed)[-2:] == (
        "Every run was scored on the same 1,000 test images; the intervals cover a "
        "change of seed, not of images.",
        "What is said here holds for digit-scenes, resnet10 (width 16) and 4 epochs "
        "of training. Other data, another host or longer training may turn out "
        "otherwise.",
    )


def test_the_word_significant_is_never_used(mixed, odd_cases, say):
    texts = [say(summary) for summary in (mixed, *odd_cases.values())]

    assert not any("significan" in text for text in texts)


def test_the_seeds_that_would_decide_are_named_from_the_fewest(summary_of, plain, say):
    told = say(
        summary_of(
            {PLAIN: plain, "se": plain, "eca": plain, "cbam": plain},
            needed={"se": 9, "eca": 5},
        )
    )

    assert (
        "If means and spreads stay as they are, eca would need 5 seeds and se 9 to be "
        "told apart; cbam more than 50."
    ) in told


def test_seeds_that_could_tell_nothing_apart_are_called_too_few(summary_of, say):
    told = say(summary_of({PLAIN: {0: 0.1, 1: 0.1}, "se": {0: 0.1, 1: 0.1}}, half=1.2))

    assert "With so few seeds no difference could have been told apart" in told
