"""Runs on disk: taken over after a crash, worked by one process at a time, never half written."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crew.artifacts import Cost, Failed, Reuse
from crew.errors import InvalidInput, TransientError
from crew.records.run_store import RunStore, run_name, write_atomically
from tests.fakes import REQUEST

NAME = "DATA-1-0"
ENDED = Failed(reason="no")
HOLD = """
import sys
from pathlib import Path
from crew.artifacts import Request
from crew.records.run_store import RunStore
request = Request(source="file", key="DATA-1", title="t", body="b")
with RunStore(Path(sys.argv[1])).open(sys.argv[2], request):
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the run open."""
    command = [sys.executable, "-c", HOLD, str(tmp_path), NAME]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "open\n"
        yield process
        process.kill()


def never() -> Reuse:
    raise AssertionError("the step was run again")


def giving(value: Reuse) -> Callable[[], Reuse]:
    return lambda: value


def test_a_run_that_was_cut_off_goes_on_where_it_was(store: RunStore) -> None:
    first, second = Reuse(model="a"), Reuse(model="b", exact=True)
    with pytest.raises(KeyboardInterrupt), store.open(NAME, REQUEST) as run:
        run.step("interpret", Reuse, giving(first))
        run.step("test (attempt 2)", Reuse, giving(second))
        raise KeyboardInterrupt
    with store.open(NAME, REQUEST) as run:
        assert run.step("interpret", Reuse, never) == first
        assert run.step("test (attempt 2)", Reuse, never) == second
        assert run.step("document", Reuse, giving(first)) == first
        assert run.resumed == 2


def test_a_step_that_failed_is_run_again(store: RunStore) -> None:
    with pytest.raises(AssertionError), store.open(NAME, REQUEST) as run:
        run.step("interpret", Reuse, never)
    with store.open(NAME, REQUEST) as run:
        assert run.step("interpret", Reuse, giving(Reuse(model="a"))).model == "a"
        assert run.resumed == 0


def test_the_same_step_at_another_place_is_another_step(store: RunStore) -> None:
    for _ in range(2):
        with store.open(NAME, REQUEST) as run:
            assert run.step("reuse", Reuse, giving(Reuse(model="a"))).model == "a"
            assert run.step("reuse", Reuse, giving(Reuse(model="b"))).model == "b"


def test_a_finished_run_starts_anew(store: RunStore) -> None:
    with store.open(NAME, REQUEST) as run:
        run.step("interpret", Reuse, giving(Reuse(model="old")))
        run.trace({"step": "interpret", "found": "", "seconds": 0.1, "cost": Cost()})
        run.finish(ENDED, {"run": NAME, "outcome": "failed"})
    assert store.outcome(NAME) == ENDED
    with store.open(NAME, REQUEST) as run:
        assert run.step("interpret", Reuse, giving(Reuse(model="new"))).model == "new"
        assert run.resumed == 0
        assert store.outcome(NAME) is None
        assert store.summary(NAME)["outcome"] == "unfinished"
        assert store.steps(NAME) == []


def test_a_step_cut_off_while_it_was_written_is_run_again(store: RunStore) -> None:
    with store.open(NAME, REQUEST) as run:
        steps = run.folder / "steps"
        (steps / ".01-interpret.json.4711").write_text('{"name": "inter')
        assert run.step("interpret", Reuse, giving(Reuse(model="a"))).model == "a"
    with store.open(NAME, REQUEST) as run:
        assert run.step("interpret", Reuse, never).model == "a"


def test_a_run_that_another_process_works_on_is_left_alone(
    store: RunStore, other: subprocess.Popen[str]
) -> None:
    with pytest.raises(TransientError, match="another process") as caught:
        store.open(NAME, REQUEST).__enter__()
    assert NAME in caught.value.message and caught.value.cure
    with store.open("DATA-2-0", REQUEST):
        pass


def test_a_killed_process_holds_nothing(store: RunStore, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    with store.open(NAME, REQUEST) as run:
        assert run.name == NAME


def test_a_reader_sees_the_old_text_or_the_new_one_never_half(tmp_path: Path) -> None:
    file = tmp_path / "value.json"
    texts = ["a" * 400_000, "b" * 300_000]
    write_atomically(file, texts[0])
    seen = set()

    def write() -> None:
        for turn in range(60):
            write_atomically(file, texts[turn % 2])

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        seen.add(file.read_text())
    assert seen <= set(texts)
    assert os.listdir(tmp_path) == ["value.json"]


def test_a_write_that_fails_leaves_the_old_text(tmp_path: Path) -> None:
    file = tmp_path / "value.json"
    write_atomically(file, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(file, "\ud800")
    assert file.read_text() == "old"


def test_runs_are_listed_newest_first_and_found_by_their_beginning(store: RunStore) -> None:
    for number, name in enumerate(["DATA-1-aa", "DATA-2-bb"]):
        with store.open(name, REQUEST) as run:
            run.finish(ENDED, {"run": name, "outcome": "failed"})
        os.utime(store.folder / name, (number, number))
    assert [s["run"] for s in store.summaries()] == ["DATA-2-bb", "DATA-1-aa"]
    assert store.summary("DATA-2")["run"] == "DATA-2-bb"
    assert store.request("DATA-1-aa") == REQUEST
    for name, words in (("DATA", "More than one"), ("X", "no run"), ("", "More than one")):
        with pytest.raises(InvalidInput, match=words):
            store.summary(name)


def test_a_name_does_not_lead_out_of_the_store(store: RunStore) -> None:
    with store.open(NAME, REQUEST):
        pass
    for name in ("../runs", "..", "*", "[D]ATA-1-0"):
        with pytest.raises(InvalidInput, match="no run"):
            store.summary(name)


def test_an_empty_store_lists_nothing(tmp_path: Path) -> None:
    assert RunStore(tmp_path / "none").summaries() == []
    assert not (tmp_path / "none").exists()


def test_a_run_is_named_by_its_request_and_its_conditions() -> None:
    name = run_name(REQUEST, "commit", "drafting")
    assert name == run_name(REQUEST, "commit", "drafting")
    assert name.startswith("DATA-1-")
    changed = REQUEST.model_copy(update={"body": "Something else."})
    slashes = REQUEST.model_copy(update={"key": "../../ü / x"})
    others = [run_name(REQUEST, "other", "drafting"), run_name(changed, "commit", "drafting")]
    assert len({name, *others, run_name(slashes)}) == 4
    assert "/" not in run_name(slashes) and not run_name(slashes).startswith(".")
