"""`evaluate`: how well a run that exists predicts its own text, or another."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from charrnn_exp.commands.command import CHECKPOINT, RUN, Command, Word
from charrnn_exp.errors import UserError

SPLITS = ("val", "test", "train")
"""In the order in which they are scored: the long one last."""


DETAILS = """\
Scores the parts of the run's own text (default: all that its dataset.split makes), or a file of yours:
  split=test            the test text only
  text=book.txt         all of a file, read in the encoding and unit of the run's own text; a symbol that the run
                        does not know is an error
  checkpoint=best       with the weights of the lowest val_loss in place of the last ones
The loss is in nats per character, and its standard error that of contiguous blocks (batch means).
REF is latest (default), a run folder, or the MLflow id of a run below outputs/.
"""


def run(words: Sequence[str]) -> None:
    """Print the scores of `run=REF` (default: latest) on the parts of its own text, or on `text=FILE`.

    `split=train|val|test|all` (default: all that the run's protocol has); `checkpoint=last` (default) or `best`.

    Raises:
        CharRNNError: if there is no such run, it has no checkpoint, its text has changed, or the file does not fit its
            vocabulary.
    """
    from charrnn_exp.commands.arguments import parse_words
    from charrnn_exp.commands.weights import read_weights
    from charrnn_exp.data.corpus import load_corpus
    from charrnn_exp.machine.tensorflow import import_tensorflow
    from charrnn_exp.run_folder.folder import find_run

    parsed = parse_words(words, COMMAND)
    folder = find_run(parsed.own.get("run", "latest"))
    config, vocabulary = folder.read_untracked_config(), folder.read_vocabulary()
    facts: dict[str, object] = {"vocabulary_sha256": vocabulary.sha256}
    if "text" in parsed.own:
        texts = {"text": _read_text(config, vocabulary, parsed.own)}
    else:
        chosen = _choose_splits(parsed.own.get("split", "all"))
        corpus = load_corpus(config.dataset)
        facts |= {"dataset": corpus.fingerprint.as_dict()}
        texts = _choose_texts(corpus.ids_n, config, chosen)
    weights = read_weights(folder, parsed.own.get("checkpoint", "last"), facts=facts)
    import_tensorflow()
    _print_scores(config, vocabulary, weights, texts)


def _read_text(config: Any, vocabulary: Any, own: dict[str, str]) -> Any:
    from charrnn_exp.data.corpus import read_ids
    from charrnn_exp.data.splits import LEAST_CHARACTERS

    if "split" in own:
        raise UserError(f"split must be left out beside text, got {own['split']!r}: all of the file is scored.")
    path = Path(own["text"])
    ids_n = read_ids(path, config.dataset, vocabulary, key="text")
    if not len(ids_n) >= LEAST_CHARACTERS:
        raise UserError(f"text must hold at least {LEAST_CHARACTERS} characters, got {len(ids_n)} in {path}.")
    return ids_n


def _choose_splits(typed: str) -> tuple[str, ...]:
    if typed == "all":
        return SPLITS
    if typed not in SPLITS:
        raise UserError(f"split must be one of train, val, test, all, got {typed!r}.")
    return (typed,)


def _choose_texts(ids_n: Any, config: Any, chosen: tuple[str, ...]) -> dict[str, Any]:
    """Return the chosen parts that the run's protocol has, as the run saw them."""
    from charrnn_exp.data.splits import cap_validation, check_parts, split_text

    whole = split_text(ids_n, config.dataset)
    check_parts(whole, config.dataset)
    parts = cap_validation(whole, config.training.max_val_characters)
    found = {"val": parts.val_n, "test": parts.test_n, "train": parts.train_n}
    texts = {split: found[split] for split in chosen}
    if chosen != SPLITS and texts[chosen[0]] is None:
        there = ", ".join(split for split, part_n in found.items() if part_n is not None)
        raise UserError(
            f"split must be a part of the run's text ({there} by dataset.split={config.dataset.split.name}), "
            f"got {chosen[0]!r}."
        )
    return {split: part_n for split, part_n in texts.items() if part_n is not None}


def _print_scores(config: Any, vocabulary: Any, weights: Any, texts: dict[str, Any]) -> None:
    """Print the line of each text as soon as it is scored."""
    from charrnn_exp.evaluation.scorer import Scorer
    from charrnn_exp.model.memory import telling_of_memory
    from charrnn_exp.model.network import build_network
    from charrnn_exp.training.state import load_weights
    from charrnn_exp.views.report import SCORE_HEADER, format_scores

    with telling_of_memory():
        network = build_network(config, num_symbols=len(vocabulary))
        load_weights(network, weights)
        print(SCORE_HEADER, flush=True)
        for name, ids_n in texts.items():
            scores = Scorer(network, ids_n).score()
            assert scores is not None, "nothing stops it"
            print(format_scores(name, scores.as_dict()), flush=True)


COMMAND = Command(
    name="evaluate",
    order=4,
    summary="loss, perplexity, accuracy of a run on a text:       evaluate run=latest split=test",
    usage="evaluate [run=REF] [split=train|val|test|all] [text=FILE] [checkpoint=last|best]",
    details=DETAILS,
    words=(RUN, Word("split", lambda: [*SPLITS, "all"]), Word("text"), CHECKPOINT),
    run=run,
)
