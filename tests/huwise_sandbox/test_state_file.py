"""What the state file promises."""

from pathlib import Path
from threading import Thread

import pytest

from huwise_sandbox import state_file
from huwise_sandbox.records import Snapshot, user
from huwise_sandbox.state_file import StateFile
from huwise_sandbox.workspace import SandboxWorkspace


def workspace() -> SandboxWorkspace:
    return SandboxWorkspace(Snapshot([user("ana", "ana@example.org")], []))


def test_there_is_nothing_to_load_at_first(tmp_path: Path) -> None:
    assert StateFile(tmp_path / "state.json").load() is None


def test_what_was_saved_is_loaded_again(tmp_path: Path) -> None:
    state, here = StateFile(tmp_path / "state.json"), workspace()
    here.remove("ana", guarded=False)
    here.put(user("zoé", None))
    state.save(here)
    assert state.load() == here.snapshot()


def test_nothing_is_written_when_nothing_changed(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state, here = StateFile(path), workspace()
    state.save(here)
    path.unlink()
    state.save(here)
    assert not path.exists()
    here.put(user("bea", None))
    state.save(here)
    assert path.exists()


def test_a_long_one_is_not_written_for_each_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_file, "LONG", 1)
    monkeypatch.setattr(state_file, "SHARE", 1_000_000)
    state, here = StateFile(tmp_path / "state.json"), workspace()
    before = here.snapshot()
    state.save(here)
    here.put(user("bea", None))
    state.save(here)
    assert state.load() == before
    state.save(here, at_once=True)
    assert state.load() == here.snapshot()


def test_changes_made_at_once_are_all_saved(tmp_path: Path) -> None:
    state, here = StateFile(tmp_path / "state.json"), workspace()

    def join(number: int) -> None:
        here.put(user(f"user{number}", None))
        state.save(here)

    threads = [Thread(target=join, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    saved = state.load()
    assert saved
    assert len(saved.users) == 21
