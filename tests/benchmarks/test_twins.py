"""The table of how equal Keras layers are: rendered, placed, read again."""

import pytest
from benchmarks.twins import Apart, place, read, render

FOUND = {
    "jax": {"se": Apart(3.25, 2.4e-7, 0.0, 3e-16), "add": Apart(5.0, 0.0, 0.0, 0.0)},
    "torch": {"se": Apart(3.25, 1e-7, 2e-6, 4e-9), "add": Apart(5.0, 0.0, 0.0, 0.0)},
}
PAGE = "# Keras\n\n<!-- twins:begin -->\nold\n<!-- twins:end -->\n\nmore"


def test_a_row_has_each_backend_in_the_same_order():
    rows = render(FOUND).splitlines()

    assert rows[0] == (
        "| layer | largest output | PyTorch, output | PyTorch, gradients | JAX, output "
        "| JAX, gradients | PyTorch, float64 | JAX, float64 |"
    )
    assert rows[2] == (
        "| `se` | 3.25 | 1.0e-07 | 2.0e-06 | 2.4e-07 | 0 | 4.0e-09 | 3.0e-16 |"
    )


def test_a_backend_that_did_not_run_has_no_column():
    assert "TensorFlow" not in render(FOUND)


def test_a_table_is_read_as_it_was_written():
    found = read(place(PAGE, render(FOUND)))

    assert list(found) == ["se", "add"]
    assert found["se"]["PyTorch, gradients"] == 2e-6
    assert found["add"]["largest output"] == 5


def test_a_table_takes_the_place_of_the_old_one():
    page = place(PAGE, "new \\1")

    assert page == (
        "# Keras\n\n<!-- twins:begin -->\n\nnew \\1\n\n<!-- twins:end -->\n\nmore"
    )


def test_a_page_without_markers_is_refused():
    with pytest.raises(ValueError, match="The page has no <!-- twins:begin -->"):
        place("a page", "a table")


def test_a_page_without_a_table_has_no_numbers():
    assert read(PAGE) == {}
