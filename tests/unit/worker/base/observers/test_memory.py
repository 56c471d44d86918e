"""How much memory a worker's processes may take, by its control groups."""

import os
from pathlib import Path

import pytest

from worker.base.observers import memory
from worker.base.observers.memory import memory_limit, unreclaimable


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One of 8 GiB, whose process is in the group /pods/worker."""
    proc = tmp_path / "proc"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text(f"MemTotal:       {8 * 1024 * 1024} kB\nMemFree: 1 kB\n")
    (proc / "self" / "cgroup").write_text("0::/pods/worker\n")
    (tmp_path / "cgroup" / "pods" / "worker").mkdir(parents=True)
    monkeypatch.setattr(memory, "_PROC", proc)
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path / "cgroup")
    return tmp_path


def test_without_a_limit_it_is_the_machines_memory(machine: Path) -> None:
    assert memory_limit() == 8 * 1024**3
    (machine / "cgroup" / "pods" / "worker" / "memory.max").write_text("max\n")
    assert memory_limit() == 8 * 1024**3


def test_the_least_limit_of_all_groups_counts(machine: Path) -> None:
    (machine / "cgroup" / "pods" / "worker" / "memory.max").write_text(f"{4 * 1024**3}\n")
    (machine / "cgroup" / "pods" / "memory.max").write_text(f"{2 * 1024**3}\n")
    assert memory_limit() == 2 * 1024**3


def test_a_machine_without_such_groups_has_its_memory(machine: Path) -> None:
    (machine / "proc" / "self" / "cgroup").unlink()
    assert memory_limit() == 8 * 1024**3


def test_mapped_files_do_not_count_and_a_process_that_is_gone_takes_nothing(machine: Path) -> None:
    (machine / "proc" / "7").mkdir()
    status = "VmRSS: 9000 kB\nRssAnon:\t 1000 kB\nRssFile: 7976 kB\nRssShmem: 24 kB\n"
    (machine / "proc" / "7" / "status").write_text(status)
    assert unreclaimable(7) == 1024 * 1024
    assert unreclaimable(8) == 0


def test_this_process_takes_some() -> None:
    assert 1e6 < unreclaimable(os.getpid()) < memory_limit()
