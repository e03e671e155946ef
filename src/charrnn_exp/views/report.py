"""The lines of a run on the terminal at its start and its end."""

import logging
from collections.abc import Mapping
from typing import Any

from charrnn_exp.config.checks.whole import find_warnings
from charrnn_exp.config.choices import Backend
from charrnn_exp.config.reading import to_values
from charrnn_exp.config.schema import Config
from charrnn_exp.data.corpus import describe
from charrnn_exp.data.preparation import PreparedText
from charrnn_exp.evaluation.baseline.ngram import ORDER
from charrnn_exp.model.network import Network, count_parameters, list_parameters
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.views.settings import format_settings
from charrnn_exp.views.terminal import Terminal, format_seconds, format_table

SCORE_HEADER = "       nats/char  bits/char  perplexity  accuracy  std. error   characters"

log = logging.getLogger("charrnn_exp")


def introduce(config: Config, text: PreparedText, folder: RunFolder, terminal: Terminal) -> None:
    """Print settings and dataset of the run; log warnings about them."""
    fingerprint, splits = text.corpus.fingerprint, text.splits
    terminal.title(f"charrnn_exp: {folder.path}")
    terminal.say(format_settings(to_values(config)))
    val = f"{text.num_val_characters:,} validation" if splits.val_n is not None else "no validation"
    test = f", {len(splits.test_n):,} test" if splits.test_n is not None else ""
    terminal.say(
        f"dataset {describe(config.dataset)}: {fingerprint.num_characters:,} characters, {fingerprint.num_symbols} "
        f"symbols, {len(splits.train_n):,} training, {val}{test} (split {config.dataset.split.name}), "
        f"sha256 {fingerprint.sha256[:12]}"
    )
    for each in text.corpus.files if len(text.corpus.files) > 1 else ():
        log.info(f"{each.file.part} text {each.file.name}: {each.num_bytes:,} bytes, sha256 {each.sha256}")
    if splits.val_n is not None and len(splits.val_n) < text.num_val_characters:
        line = f"validation uses the first {len(splits.val_n):,} of {text.num_val_characters:,} characters"
        terminal.say(line)
        log.info(line)
    for line in [*find_warnings(config), *(f"dataset: {note}" for note in text.corpus.notes)]:
        log.warning(line)


def show_parameters(network: Network, folder: RunFolder, terminal: Terminal) -> None:
    """Print the table of weights, and write it to `parameters.txt`."""
    rows = [[name, " x ".join(map(str, shape)), f"{count:,}"] for name, shape, count in list_parameters(network)]
    table = format_table(["parameter", "shape", "weights"], [*rows, ["total", "", f"{count_parameters(network):,}"]])
    folder.parameters.write_text(table + "\n")
    terminal.say(table)


def conclude(summary: Summary, folder: RunFolder, config: Config, terminal: Terminal) -> None:
    """Print losses, scores, seconds, and commands to type next."""
    if summary.val_loss is not None:
        baseline = summary.ngram_val_loss
        terminal.title(
            f"val_loss {summary.val_loss:.4f} nats per character = {summary.bits_per_char:.4f} bits per character"
            + (f" (counting {ORDER}-grams reaches {baseline:.4f})" if baseline is not None else "")
        )
    if summary.scores:
        terminal.say(SCORE_HEADER)
        for name, scores in summary.scores.items():
            terminal.say(format_scores(name, scores))
    rate = "" if summary.chars_per_second is None else f"{summary.chars_per_second} chars/s, "
    terminal.say(f"{rate}{summary.seconds} s in all, in {folder.path}")
    terminal.say("time: " + format_seconds(summary.seconds_by_activity or {}))
    if config.tracking.backend is not Backend.none:
        terminal.say(f"see it in the UI:  {name_program()} ui")
    terminal.say(f"more text:         {name_program()} sample run=latest sampling.length=2000")


def format_scores(name: str, scores: Mapping[str, Any]) -> str:
    """Return the line of one text below `SCORE_HEADER`.

    Args:
        name: of the text, at most 5 characters.
        scores: named as in `Scores.as_dict`; an infinite perplexity is None.
    """
    perplexity = "-" if scores["perplexity"] is None else f"{scores['perplexity']:.3f}"
    error = "-" if scores["standard_error"] is None else f"{scores['standard_error']:.4f}"
    return (
        f"{name:<5} {scores['loss']:10.4f} {scores['bits_per_char']:10.4f} {perplexity:>11} "
        f"{100 * scores['accuracy']:7.2f} % {error:>11} {scores['num_characters']:12,}"
    )
