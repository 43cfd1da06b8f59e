"""Where many places of a map look, in pairwise blocks."""

import numpy as np
import pytest
import torch

from foveate.explain.blocks import block_maps


def test_a_table_has_every_place_of_a_small_map(host_of):
    host, x = host_of("criss_cross"), torch.randn(2, 3, 10, 14)

    tables = block_maps(host, x, table_places=35).tables

    assert [(t.where, t.image, t.values.shape) for t in tables] == [
        ("block", 0, (35, 5, 7)),
        ("block", 1, (35, 5, 7)),
    ]
    with torch.no_grad():
        maps = host.block.maps(*host.features(x), query=(2, 4))
    np.testing.assert_allclose(tables[1].values[18], maps["attention"][1, 0], rtol=1e-5)
    np.testing.assert_allclose(tables[1].queries[18], [2.5 / 5, 4.5 / 7], rtol=1e-6)


def test_a_table_of_fewer_places_spreads_them_and_says_so(host_of):
    seen = block_maps(host_of("osra"), torch.randn(1, 3, 10, 14), table_places=6)

    (table,) = seen.tables
    assert table.queries[:, 0].tolist() == pytest.approx([0.3] * 3 + [0.7] * 3)
    assert any("6 places that are evenly spread" in said for said in seen.said)


def test_tables_that_would_take_too_much_are_left_out_and_said(monkeypatch, host_of):
    monkeypatch.setattr("foveate.explain.gathering.MOST_TABLES", 35 * 35)

    seen = block_maps(
        host_of("criss_cross"), torch.randn(2, 3, 10, 14).split(1), table_places=35
    )

    assert [table.image for table in seen.tables] == [0]
    assert any("no attention table of some images" in said for said in seen.said)


def test_a_large_table_has_fewer_places(monkeypatch, host_of):
    monkeypatch.setattr("foveate.explain._tables.MOST_NUMBERS", 35 * 4)

    seen = block_maps(
        host_of("criss_cross"), torch.randn(1, 3, 10, 14), table_places=35
    )

    assert seen.tables[0].values.shape == (4, 5, 7)
