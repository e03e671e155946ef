"""The lines of a run on the terminal at its start and its end."""

import shlex
from collections.abc import Iterable, Mapping

from charrnn_exp.config.checks.whole import find_warnings
from charrnn_exp.config.choices import Backend
from charrnn_exp.config.reading import to_values
from charrnn_exp.config.schema import Config, SamplingConfig, TrackingConfig
from charrnn_exp.data.corpus import describe
from charrnn_exp.data.preparation import PreparedText
from charrnn_exp.evaluation.baseline.ngram import ORDER
from charrnn_exp.evaluation.baseline.published import PARTS, Published
from charrnn_exp.evaluation.scores import to_bits
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.sampling.novelty import Novelty
from charrnn_exp.tracking.pages import find_run_page, name_store
from charrnn_exp.views.scores import format_score_header, format_scores
from charrnn_exp.views.settings import format_settings
from charrnn_exp.views.table import fit_columns
from charrnn_exp.views.terminal import Terminal

MORE_CHARACTERS = 2000


def introduce(config: Config, text: PreparedText, folder: RunFolder, terminal: Terminal) -> None:
    """Print folder, settings and dataset of the run, and warnings about them."""
    fingerprint, splits = text.corpus.fingerprint, text.splits
    terminal.title(f"charrnn_exp: {folder.path}")
    terminal.say_as_it_is(format_settings(to_values(config), terminal.width))
    val = f"{text.num_val_characters:,} validation" if splits.val_n is not None else "no validation"
    test = f", {len(splits.test_n):,} test" if splits.test_n is not None else ""
    lines = splits.count_lines()
    counts = "" if lines is None else f"{sum(lines):,} lines ({' + '.join(f'{count:,}' for count in lines)}), "
    terminal.say(
        f"dataset {describe(config.dataset)}: {counts}{fingerprint.num_characters:,} characters, "
        f"{fingerprint.num_symbols} "
        f"symbols, {len(splits.train_n):,} training, {val}{test} (split {config.dataset.split.name}), "
        f"sha256 {fingerprint.sha256[:12]}"
    )
    for each in text.corpus.files if len(text.corpus.files) > 1 else ():
        terminal.copy(f"{each.file.part} text {each.file.name}: {each.num_bytes:,} bytes, sha256 {each.sha256}")
    if splits.val_n is not None and len(splits.val_n) < text.num_val_characters:
        terminal.say(f"validation uses the first {len(splits.val_n):,} of {text.num_val_characters:,} characters")
    for line in [*find_warnings(config), *(f"dataset: {note}" for note in text.corpus.notes)]:
        terminal.warn(line)


def show_parameters(parameters: Iterable[tuple[str, tuple[int, ...], int]], terminal: Terminal) -> str:
    """Print the table of weights; return it at its whole width, for a file.

    Args:
        parameters: name, shape and number of weights of each array.
        terminal: of the run.
    """
    found = list(parameters)
    rows = [[name, " x ".join(map(str, shape)), f"{count:,}"] for name, shape, count in found]
    rows.append(["total", "", f"{sum(count for _, _, count in found):,}"])
    header = ["parameter", "shape", "weights"]
    terminal.say_as_it_is(fit_columns(header, rows, terminal.width, dropped_first=["shape"]))
    return fit_columns(header, rows, None, dropped_first=[]) + "\n"


def conclude(summary: Summary, folder: RunFolder, config: Config, terminal: Terminal) -> None:
    """Print losses, scores, seconds, and commands to type next."""
    if (val_loss := _find_val_loss(summary)) is not None:
        baseline = summary.ngram_val_loss
        terminal.title(
            f"val_loss {val_loss:.4f} nats per character = {to_bits(val_loss):.4f} bits per character"
            + (f", of step {summary.chosen_step:,}, the best" if summary.speaks_by_best else "")
            + (f" (counting {ORDER}-grams reaches {baseline:.4f})" if baseline is not None else "")
        )
    for part, each in (summary.published or {}).items():
        terminal.say(f"lowest published loss of this {PARTS[part]}: {Published(**each)}")
    if summary.scores:
        terminal.say_as_it_is(format_score_header(terminal.width))
        for name, scores in summary.scores.items():
            terminal.say_as_it_is(format_scores(name, scores, terminal.width))
    if summary.novelty is not None:
        terminal.say(str(Novelty(*(summary.novelty.get(name, 0) for name in ("lines", "distinct", "known")))))
    rate = "" if summary.chars_per_second is None else f"{summary.chars_per_second:,.0f} chars/s, "
    terminal.say(f"{rate}{summary.seconds or 0.0:,.1f} s in all, in {folder.path}")
    terminal.say("time: " + format_seconds(summary.seconds_by_activity or {}, summary.seconds or 0.0))
    if config.tracking.backend is not Backend.none:
        _show_tracking(folder, config.tracking, terminal)
    _show_command("more text:", f"{name_program()} sample {suggest_sample(folder, config.sampling)}", terminal)


def _find_val_loss(summary: Summary) -> float | None:
    """Return the validation loss of the weights that speak for the run."""
    return summary.best_val_loss if summary.speaks_by_best else summary.val_loss


def suggest_sample(folder: RunFolder, sampling: SamplingConfig) -> str:
    """Return the words that draw other text from a run than its own sample, and more of it."""
    words = [f"run={folder.path}", f"sampling.length={max(MORE_CHARACTERS, sampling.length)}"]
    if sampling.temperature == 0.0:  # greedy: the seed changes nothing
        words.append("sampling.temperature=0.5")
    return shlex.join([*words, f"sampling.seed={(sampling.seed or 0) + 1}"])


def format_seconds(seconds: Mapping[str, float], whole: float) -> str:
    """Return seconds by activity as text, each with its share of the whole time.

    >>> format_seconds({"start": 5.0, "updates": 90.0, "tracking_thread_cpu": 1.0}, 100.0)
    'start 5.0 s (5.0 %), updates 90.0 s (90.0 %), other 5.0 s (5.0 %); beside them: tracking thread cpu 1.0 s (1.0 %)'
    """
    beside = {name: value for name, value in seconds.items() if name.endswith("_cpu")}
    after_another = {name: value for name, value in seconds.items() if name not in beside}
    other = max(0.0, whole - sum(after_another.values()))

    def show(parts: Mapping[str, float]) -> str:
        return ", ".join(
            f"{name.replace('_', ' ')} {value:,.1f} s" + (f" ({100 * value / whole:.1f} %)" if whole else "")
            for name, value in parts.items()
        )

    return show({**after_another, "other": other}) + (f"; beside them: {show(beside)}" if any(beside.values()) else "")


def _show_tracking(folder: RunFolder, tracking: TrackingConfig, terminal: Terminal) -> None:
    """Print the store that has the run, and how to see it there; where it lacks something, how to send that."""
    record = folder.read_tracking()
    run_id, experiment_id = record.get("run_id"), record.get("experiment_id")
    if not record.get("complete") or run_id is None or experiment_id is None:
        terminal.say(f"not in MLflow yet, or not all of it: {name_store(tracking)} did not take it")
        _show_command("send it:", f"{name_program()} repair {shlex.join([f'run={folder.path}'])}", terminal)
        return
    terminal.say(f"in MLflow: {name_store(tracking)}")
    page = find_run_page(tracking, experiment_id, run_id)
    if tracking.backend is Backend.local:
        _show_command("see it in the UI:", f"{name_program()} ui", terminal)
        _show_command("then at:", page, terminal)
    else:
        _show_command("see it at:", page, terminal)


def _show_command(head: str, command: str, terminal: Terminal) -> None:
    """Print a command that can be pasted: on one line with its head, or below it where the width is short."""
    line = f"{head:<18} {command}"
    if terminal.width is None or len(line) <= terminal.width:
        terminal.say_as_it_is(line)
    else:
        terminal.say(head)
        terminal.say_as_it_is(command)
