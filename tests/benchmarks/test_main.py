"""What a run asks for, and what it may write."""

import benchmarks.__main__ as command
import pytest

from benchmarks import machine, results, running


@pytest.fixture
def page(monkeypatch, tmp_path):
    """A page and a folder of results for runs that measure nothing."""
    page = tmp_path / "performance.md"
    page.write_text("<!-- table: start -->\nold\n<!-- table: end -->\n")
    monkeypatch.setattr(command, "PAGE", page)
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results")
    return page


def run(monkeypatch, *words):
    """Run the command, and return what it asked for."""
    asked = []

    def answer(request, _keep):
        asked.append(request)
        found = machine.Machine("A", "cpu", "float32", 2, "kept", {}, request.path)
        return results.Results(found)

    monkeypatch.setattr(running, "run", answer)
    monkeypatch.setattr("sys.argv", ["benchmarks", *words])
    command.main()
    return asked[0]


def test_a_full_run_writes_the_page_and_the_results(page, monkeypatch):
    request = run(monkeypatch)

    assert request == running.Request()
    assert "Measured on A" in page.read_text()
    assert (page.parent / "results" / "cpu-a.json").exists()


@pytest.mark.parametrize(
    "words", [["--quick"], ["--blocks", "se"], ["--sections", "saved"]]
)
def test_a_run_of_parts_writes_nothing(page, monkeypatch, words):
    run(monkeypatch, *words)

    assert "old" in page.read_text()
    assert not (page.parent / "results").exists()


def test_a_run_of_another_path_leaves_the_page_and_has_its_own_file(page, monkeypatch):
    run(monkeypatch, "--path", "reference")

    assert "old" in page.read_text()
    assert (page.parent / "results" / "cpu-a-reference.json").exists()


def test_a_run_of_parts_writes_where_it_is_told(page, monkeypatch):
    file = page.parent / "some.json"

    run(monkeypatch, "--quick", "--output", str(file))

    assert results.load(file).machine.name == "A"


def test_an_unknown_block_is_refused_by_name(page, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, "--blocks", "sse")

    assert "no 'sse'; there are se, eca" in capsys.readouterr().err
