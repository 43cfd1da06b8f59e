"""Records: read and written whole, and never half understood."""

import pytest

from foveate.errors import RecordError
from foveate.records import Cost, write_atomically


@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_a_record_is_read_back_as_it_was_written(tmp_path, ending):
    cost = Cost(parameters=3, macs=4)

    assert Cost.load(cost.save(tmp_path / f"cost.{ending}")) == cost


def test_a_record_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Cost(parameters=3, macs=4).macs = 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ('{"parameters": 1}', "macs: this field is missing"),
        ('{"parameters": 1, "macs": 2, "mac": 3}', "mac: there is no .*'macs'"),
        ('{"schema_number": 9, "parameters": 1, "macs": 2}', "cannot be 9"),
    ],
)
def test_a_file_that_is_no_such_record_says_why(tmp_path, text, words):
    (tmp_path / "cost.json").write_text(text)

    with pytest.raises(RecordError, match=words):
        Cost.load(tmp_path / "cost.json")


def test_a_file_that_is_no_text_says_so(tmp_path):
    (tmp_path / "cost.json").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(RecordError, match="it is not text"):
        Cost.load(tmp_path / "cost.json")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = write_atomically(tmp_path / "a.txt", "old")

    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "\udc80")

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
