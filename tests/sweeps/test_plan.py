"""sweep.json: what is written is read again, and nothing of it leads out or names a program."""

import json
import os
from pathlib import Path

import pytest

from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.sweeps.launch import resume_sweep
from charrnn_exp.sweeps.plan import DONE, FAILED, WAITING, Plan, PlannedJob, StoredPlan, is_sweep
from charrnn_exp.sweeps.planning import find_plan

FOLDER = Path("outputs/a/2026-01-02/03-04-05-000006")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_plan(folder: Path = FOLDER, *, num_jobs: int = 3, words: tuple[str, ...] = ("seed=1,2,3",)) -> Plan:
    jobs = [
        PlannedJob(
            number=i,
            hash=f"hash {i}",
            folder=str(folder / str(i)),
            is_resumed=False,
            name=f"seed={i + 1}",
            settings={"seed": i + 1},
            threads=1,
            num_bytes=1,
            num_characters=1,
        )
        for i in range(num_jobs)
    ]
    return Plan(folder, words, None, jobs)


def test_what_is_written_is_read_again() -> None:
    plan = make_plan()
    plan.jobs[1].folder = "outputs/a/2025-01-02/03-04-05-000006/7"
    with plan.lock():
        plan.begin(plan.jobs[0])
        plan.jobs[0].reason = "no room"
        plan.end(plan.jobs[0], FAILED, 3)
        plan.begin(plan.jobs[0])
    stored = StoredPlan.read(FOLDER)
    assert (stored.words, stored.config_dir, stored.hashes) == (["seed=1,2,3"], None, ["hash 0", "hash 1", "hash 2"])
    assert stored.folders == [Path(job.folder) for job in plan.jobs]
    first, second = stored.attempts[0]
    assert (first.folder, first.exit_code, first.reason) == ("0", 3, "no room")
    assert first.ended is not None
    assert (second.ended, second.exit_code) == (None, None)
    assert stored.attempts[1:] == [[], []]


def test_a_moved_sweep_finds_its_runs() -> None:
    plan = make_plan()
    with plan.lock():
        plan.write()
    os.renames(FOLDER, "elsewhere/outputs/a/2026-01-02/copy")
    assert StoredPlan.read(Path("elsewhere/outputs/a/2026-01-02/copy")).folders == [
        Path(f"elsewhere/outputs/a/2026-01-02/copy/{i}") for i in range(3)
    ]


def test_a_folder_outside_outputs_is_none_of_a_sweep() -> None:
    plan = make_plan()
    with plan.lock():
        plan.write()
    values = json.loads((FOLDER / "sweep.json").read_text())
    for job, folder in zip(values["jobs"], ["/etc", "../../../../etc", "../x/1"], strict=True):
        job["folder"] = folder
    (FOLDER / "sweep.json").write_text(json.dumps(values))
    assert StoredPlan.read(FOLDER).folders == [Path("outputs/a/2026-01-02/x/1")]


DAMAGED = [
    "", "{", "[]", "{}", '{"words": [3], "jobs": []}', '{"words": [], "jobs": [{}]}', '{"words": [], "jobs": 3}',
    '{"words": [], "jobs": [], "config_dir": 3}',
]  # fmt: skip


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_plan_is_refused_in_one_line(text: str) -> None:
    FOLDER.mkdir(parents=True)
    (FOLDER / "sweep.json").write_text(text)
    with pytest.raises(
        UserError, match=r"^run must be the folder of a sweep, got '.*', whose sweep.json is damaged\. .*done\.$"
    ):
        resume_sweep(FOLDER, [])


@pytest.mark.parametrize(
    "word",
    ["hydra.launcher.setup=[touch x]", "+hydra.launcher.python=x", "hydra.launcher.address=x:1", "hydra.sweeper.a=1",
     "dataset.urls=[http://127.0.0.1:1/a]"],
)  # fmt: skip
def test_words_that_may_name_programs_or_addresses_are_not_taken_from_a_file(word: str) -> None:
    plan = make_plan(words=("hydra/launcher=basic", word, "seed=1,2,3"))
    with plan.lock():
        plan.write()
    assert plan.find_command() == "give the same command again"
    with pytest.raises(UserError) as error:
        resume_sweep(FOLDER, [])
    assert error.value.lines == [
        f"run must be a sweep without words that only a command line may have, got {word!r} in {FOLDER}. "
        "Give its command again, with -m: what is done stays done."
    ]


def test_only_settings_of_the_sweep_are_taken_beside_it() -> None:
    plan = make_plan()
    with plan.lock():
        plan.write()
    with pytest.raises(UserError, match=r"^seed must stay as the sweep has it, got 'seed=3'\."):
        resume_sweep(FOLDER, ["sweep.jobs=1", "seed=3"])


def test_a_sweep_is_of_one_process_at_a_time() -> None:
    with make_plan().lock(), pytest.raises(MachineError, match=f"is in use by process {os.getpid()}: wait for it"):
        make_plan().lock().__enter__()


def test_the_same_jobs_go_on_in_their_folder_and_a_failed_one_begins_in_a_new_one() -> None:
    first = make_plan()
    with first.lock():
        for job, state in zip(first.jobs, [DONE, FAILED, WAITING], strict=True):
            first.begin(job)
            first.end(job, state, 0)
    for number in (0, 1):
        (FOLDER / str(number)).mkdir()
    second = make_plan(Path("outputs/a/2026-01-03/03-04-05-000006"))
    second.jobs[0].state, second.jobs[0].folder = DONE, first.jobs[0].folder
    found = find_plan(second)
    assert found.folder == FOLDER
    assert [job.folder for job in found.jobs] == [str(FOLDER / name) for name in ("0", "3", "2")]
    assert [len(job.attempts) for job in found.jobs] == [1, 1, 1]
    other = make_plan(Path("outputs/a/2026-01-03/03-04-05-000006"), num_jobs=2)
    assert find_plan(other) is other


def test_a_name_that_no_folder_has_is_no_sweep() -> None:
    assert not any(is_sweep(Path(name)) for name in ("latest", "best:x", "a" * 5000, "\0", "7c5d2f9a"))
