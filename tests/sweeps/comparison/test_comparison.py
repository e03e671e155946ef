"""Which runs are ranked together, which are not and why, and what the answers say."""

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from charrnn_exp.errors import UserError
from charrnn_exp.files import hold_lock
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.sweeps.comparison.comparison import Comparison, compare_runs
from charrnn_exp.sweeps.comparison.entries import find_latest
from charrnn_exp.sweeps.comparison.statistics import compare_blocks, compare_seeds
from tests.sweeps.comparison.runs import SWEEP, Made, make_run, make_sweep

LOSSES = {16: [1.75, 1.76, 1.77], 32: [1.61, 1.6, 1.63], 64: [1.62, 1.615]}


def compare(run: str | Path = SWEEP, *, best: int | None = None, loss: float | None = None) -> Comparison:
    return compare_runs(str(run), best=best, loss=loss)


def say(comparison: Comparison, question: str) -> list[str]:
    return [line for answers in comparison.answers for each in answers if each.question == question
            for line in each.tell()]  # fmt: skip


def test_variants_are_ranked_by_their_mean_over_seeds_with_deviation_and_number() -> None:
    make_sweep(LOSSES)
    (group,) = compare().groups
    assert group.keys == ("model.hidden_size",)
    assert [variant.settings["model.hidden_size"] for variant in group.variants] == [32, 64, 16]
    for variant in group.variants:
        losses = LOSSES[variant.settings["model.hidden_size"]]
        assert variant.loss.mean == pytest.approx(np.mean(losses), rel=1e-14)
        assert variant.loss.deviation == pytest.approx(np.std(losses, ddof=1), rel=1e-12)
        assert [run.loss for run in variant.runs] == sorted(losses)


def test_a_seed_that_ran_twice_counts_once_and_the_last_run_speaks() -> None:
    make_run(Path("a"), Made(summary={"val_loss": 1.5, "session_began": 100.0}))
    make_run(Path("b"), Made(summary={"val_loss": 1.25, "session_began": 50.0}))
    ((variant,),) = [group.variants for group in compare("a,b").groups]
    assert (variant.loss.mean, variant.loss.count, variant.repeats) == (1.5, 1, 1)


@pytest.mark.parametrize(
    "other",
    [Made(text="ef" * 32), Made(words=("dataset.unit=byte",)), Made(words=("dataset.split=tfds",)),
     Made(words=("training.max_val_characters=500",))],
    ids=["text", "unit", "split", "length"],
)  # fmt: skip
def test_runs_of_other_texts_units_or_splits_are_never_ranked_together(other: Made) -> None:
    make_run(Path("a"), Made())
    make_run(Path("b"), other)
    comparison = compare("a,b")
    assert [group.num_runs for group in comparison.groups] == [1, 1]
    assert len({group.title for group in comparison.groups}) == 2
    assert comparison.answers == ((), ())


def test_files_whose_border_lies_elsewhere_in_the_same_text_are_other_texts() -> None:
    words = ("dataset=file", "dataset.path=a.txt", "dataset.val_path=b.txt", "dataset.split=files")
    for name, digest in (("a", "12" * 32), ("b", "34" * 32), ("c", "12" * 32)):
        make_run(Path(name), Made(words=words, files=digest))
    comparison = compare("a,b,c")
    assert sorted(group.num_runs for group in comparison.groups) == [1, 1]
    assert {group.title.partition("files ")[2][:12] for group in comparison.groups} == {"12" * 6, "34" * 6}
    for name in ("d", "e"):  # what is cut from all files joined is the same, whatever the files
        make_run(Path(name), Made(words=words[:2], files=name * 64))
    assert len(compare("d,e").groups) == 1


def test_parts_that_an_older_program_scored_as_one_make_a_group_of_their_own() -> None:
    for name, numerics in (("a", 1), ("b", 2)):
        make_run(Path(name), Made(words=("dataset.split=charrnn",), numerics=numerics))
        make_run(Path(f"{name}2"), Made(numerics=numerics))
    assert len(compare("a,b").groups) == 2
    assert len(compare("a2,b2").groups) == 1


def test_names_tracking_sampling_and_files_make_no_variant() -> None:
    make_run(Path("a"), Made())
    make_run(Path("b"), Made(words=("name=b", "sampling.length=7", "training.keep_checkpoints=9", "seed=2")))
    ((variant,),) = [group.variants for group in compare("a,b").groups]
    assert variant.loss.count == 2


def test_a_run_whose_settings_changed_in_its_life_is_a_variant_of_its_own_and_marked() -> None:
    for name, seed in (("a", 1), ("b", 2)):
        make_run(Path(name), Made(words=(f"seed={seed}",)))
    change = {"step": 5, "setting": "optimizer.learning_rate", "old": 0.5, "new": 0.004}
    Path("b/changes.json").write_text(json.dumps({"changes": [change]}))
    (group,) = compare("a,b").groups
    assert [(variant.loss.count, variant.is_changed) for variant in group.variants] == [(1, False), (1, True)]


def test_runs_that_cannot_be_ranked_are_listed_with_the_reason() -> None:
    make_sweep({16: [1.5] * 9})
    runs = [RunFolder(SWEEP / str(job)) for job in range(9)]
    for run, status in zip(runs, ["FAILED", "KILLED", "RUNNING", "RUNNING"], strict=False):
        run.summary.write_text(json.dumps({"status": status, "step": 1234, "val_loss": 1.0}))
    runs[0].log.write_text("2026-01-02 03:04:05,006 ERROR charrnn_exp: the training diverged\n")
    runs[4].summary.write_text("[")
    shutil.rmtree(runs[5].checkpoints)
    runs[6].summary.write_text(json.dumps({"status": "FINISHED"}))
    runs[8].changes.write_text("[")
    (SWEEP / "9").mkdir()
    with hold_lock(runs[3].lock_file):
        comparison = compare()
    assert [group.num_runs for group in comparison.groups] == [1]
    assert {each.folder.path.name: each.problem for each in comparison.unranked} == {
        "0": "failed at step 1,234: the training diverged",
        "1": "was stopped at step 1,234, before its end",
        "2": "died at step 1,234",
        "3": "is under way, at step 1,234",
        "4": "has no readable summary",
        "5": "has no readable checkpoint, which says what text its loss is of",
        "6": "has no validation loss",
        "8": "its changes.json is damaged, so that its settings are not known",
        "9": "never began, or its files are damaged",
    }


def test_after_early_stopping_the_best_loss_speaks() -> None:
    make_run(Path("a"), Made(summary={"val_loss": 2.5, "best_val_loss": 2.25, "chosen_step": 7}))
    assert compare("a").groups[0].variants[0].loss.mean == 2.25


def test_models_are_compared_paired_over_their_blocks_and_settings_over_their_seeds() -> None:
    runs = make_sweep({16: [1.75, 1.76], 32: [1.61, 1.6]})
    blocks = [(run.read_summary().block_losses or {})["val"] for run in runs]
    comparison = compare()
    ((models, settings),) = comparison.answers
    assert len(models.verdicts) == 6
    (found,) = [each for each in models.verdicts if (each.first, each.second) == ("A (seed 2)", "B (seed 1)")]
    assert found.difference == compare_blocks(blocks[3], blocks[0])
    assert found.difference is not None
    numbers = f"{0.15:.4f} +- {found.difference.error:.4f}"
    assert f"A (seed 2) reads this text better than B (seed 1) by {numbers} (p < 0.0001)." in say(comparison, "models")
    (welch,) = [each.difference for each in settings.verdicts]
    assert welch == compare_seeds([1.6, 1.61], [1.75, 1.76])
    assert welch is not None
    assert say(comparison, "settings")[0] == (
        f"The settings of A (n=2) are better than those of B (n=2) by 0.1500 +- {welch.error:.4f} (p = {welch.p:.4f})."
    )


def test_one_seed_each_is_no_verdict_on_the_settings_and_one_on_the_models() -> None:
    make_sweep({16: [1.75], 32: [1.6]})
    comparison = compare()
    assert say(comparison, "settings") == ["one seed each: no verdict on the settings."]
    assert say(comparison, "models")[0].startswith("A reads this text better than B by 0.1500 +- 0.")


def test_with_one_seed_on_one_side_it_is_named() -> None:
    make_sweep({16: [1.75], 32: [1.6, 1.61]})
    assert say(compare(), "settings") == ["one seed of B: no verdict on the settings."]


def test_older_runs_have_no_paired_verdict_and_are_ranked() -> None:
    for name, loss in (("a", 1.5), ("b", 1.75)):
        make_run(Path(name), Made(words=(f"model.hidden_size={int(loss * 8)}",), summary={"val_loss": loss}))
    comparison = compare("a,b")
    assert [variant.loss.mean for variant in comparison.groups[0].variants] == [1.5, 1.75]
    assert say(comparison, "models") == [
        "no paired verdict on the models: the losses of blocks are missing (older run, or short text)."
    ]


def test_more_than_two_settings_are_corrected_for_and_it_says_so() -> None:
    make_sweep(LOSSES)
    comparison = compare()
    settings = next(each for each in comparison.answers[0] if each.question == "settings")
    raw = [each.difference.p for each in settings.verdicts if each.difference is not None]
    assert len(raw) == 3
    lowest = min(range(3), key=lambda i: raw[i])
    assert settings.verdicts[lowest].p == pytest.approx(3 * raw[lowest])
    assert say(comparison, "settings")[-1].endswith("p corrected for 3 comparisons (Holm).")


def test_only_settings_that_have_a_verdict_are_corrected_for() -> None:
    make_sweep({16: [1.5, 1.6, 1.7], 32: [1.4, 1.45, 1.5], 64: [1.3]})
    last = say(compare(), "settings")[-1]
    assert last == "Settings: Welch's t over seeds, +- one standard error."


@pytest.mark.parametrize(("blocks", "is_told"), [(["x"], False), ({"val": 3}, False), ({"val": [None] * 30}, False)])
def test_damaged_blocks_give_no_verdict_and_no_error(blocks: object, is_told: bool) -> None:
    runs = make_sweep({16: [1.75], 32: [1.6]})
    values = json.loads(runs[0].summary.read_text())
    runs[0].summary.write_text(json.dumps(values | {"block_losses": blocks}))
    comparison = compare()
    assert any("reads this text better" in line for line in say(comparison, "models")) == is_told


def test_best_keeps_the_variants_with_the_lowest_losses_and_all_their_seeds() -> None:
    make_sweep(LOSSES)
    (group,) = compare(best=2).groups
    assert [(variant.letter, variant.loss.count) for variant in group.variants] == [("A", 3), ("B", 2)]


def test_seconds_to_a_loss_are_those_of_updates_over_sessions_and_shapes() -> None:
    """Two sessions; the first update of each has no speed. Batches of 2 x 5 characters, from step 4 on of 3 x 5."""
    rows = [
        {"step": 1, "train_loss": 3.0}, {"step": 2, "train_loss": 3.0, "chars_per_second": 10.0},
        {"step": 2, "val_loss": 2.5}, {"step": 3, "train_loss": 3.0},
        {"step": 4, "train_loss": 3.0, "chars_per_second": 5.0},
        {"step": 5, "train_loss": 3.0, "chars_per_second": 5.0}, {"step": 5, "val_loss": 1.5},
    ]  # fmt: skip
    words = ("training.batch_size=3", "training.sequence_length=5")
    folder = make_run(Path("a"), Made(words=words, rows=rows))
    change = {"step": 4, "setting": "training.batch_size", "old": 2, "new": 3}
    folder.changes.write_text(json.dumps({"changes": [change]}))
    comparison = compare("a", loss=2.0)
    (variant,) = comparison.groups[0].variants
    points = comparison.read_points(variant.runs[0])
    assert [(point.step, point.characters) for point in points] == [(2, 20), (5, 55)]
    assert [point.seconds for point in points] == pytest.approx([10 / 10.0, 10 / 10.0 + (10 + 15) / 5.0])
    spread = comparison.find_seconds(variant)
    assert spread is not None
    assert spread.mean == pytest.approx(6.0)
    assert compare("a", loss=1.0).find_seconds(variant) is None


def test_without_a_choice_the_sweep_or_the_name_of_the_latest_run_is_compared() -> None:
    make_sweep({16: [1.5, 1.6]})
    for job in (0, 1):
        folder = RunFolder(SWEEP / str(job))
        folder.summary.write_text(json.dumps(json.loads(folder.summary.read_text()) | {"session_began": 1e9 + job}))
    assert find_latest() == SWEEP.relative_to("outputs").as_posix()
    make_run(
        Path("outputs/tiny/2026-01-03/00-00-00-000000"), Made(words=("name=tiny",), summary={"session_began": 2e9})
    )
    assert find_latest() == "tiny"
    assert [group.num_runs for group in compare_runs(name="tiny").groups] == [1]


@pytest.mark.parametrize("run", ["nowhere", "empty", "a,nowhere", "", ","])
def test_what_is_no_run_is_a_mistake(run: str) -> None:
    make_run(Path("a"), Made())
    Path("empty").mkdir()
    with pytest.raises(UserError, match="must be"):
        compare(run)


def test_a_file_behind_a_link_is_not_read() -> None:
    Path("secret").write_text('{"step": 1, "val_loss": 1.0}\n')
    folder = make_run(SWEEP / "0", Made(summary={"status": "FAILED"}))
    folder.metrics.unlink()
    os.symlink(Path("secret").absolute(), folder.metrics)
    Path("log").write_text("2026-01-02 03:04:05,006 ERROR charrnn_exp: secret\n")
    os.symlink(Path("log").absolute(), folder.log)
    comparison = compare()
    assert "secret" not in str(comparison.unranked[0].problem)
    assert comparison.read_points(comparison.unranked[0]) == []


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A sweep of 500 runs: copies of one, each with a size, a seed, and a loss of its own."""
    (run,) = make_sweep({16: [1.5]}, place=tmp_path / "one")
    config, summary = run.config.read_text(), json.loads(run.summary.read_text())
    for job in range(500):
        folder = RunFolder(SWEEP / str(job))
        shutil.copytree(run.path, folder.path)
        size, seed = 8 + job // 5, 1 + job % 5
        folder.config.write_text(
            config.replace("hidden_size: 16\n", f"hidden_size: {size}\n").replace(
                "seed: 1\ndata", f"seed: {seed}\ndata"
            )
        )
        loss = 2.0 - 0.001 * size + 0.002 * seed
        blocks = {"val": [loss + each - 1.5 for each in summary["block_losses"]["val"]]}
        folder.summary.write_text(json.dumps(summary | {"val_loss": loss, "block_losses": blocks}))
    return SWEEP


@pytest.mark.slow
def test_500_runs_are_compared_within_3_seconds_of_processor_time(many: Path) -> None:
    """1.5 s on two cores of an AMD EPYC with other work on them; imports, 0.7 s, come before."""
    began = time.process_time()
    (group,) = compare(many).groups
    assert time.process_time() - began < 3.0
    assert (len(group.variants), group.num_runs) == (100, 500)
