"""A text that several runs train on, in forks of one process: read once, its n-grams counted once."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from charrnn_exp.config.schema import Config
from charrnn_exp.data.corpus import Corpus, load_corpus
from charrnn_exp.data.splits import cap_validation, split_corpus
from charrnn_exp.errors import CharRNNError
from charrnn_exp.evaluation.baseline.ngram import MAX_CHARACTERS, measure_ngram_loss
from charrnn_exp.evaluation.baseline.shared import SharedLoss


@dataclass(frozen=True)
class SharedText:
    """A text with its n-gram baseline.

    Args:
        key: of the settings that determine both.
        corpus: the text.
        ngrams: counts them; None: each run does.
    """

    key: str
    corpus: Corpus
    ngrams: SharedLoss | None

    def fits(self, config: Config) -> bool:
        """Return whether a run of these settings reads and scores this text."""
        return self.key == _find_key(config)


class SharedTexts:
    """The texts of the jobs of a sweep, in the process that forks them."""

    def __init__(self) -> None:
        self._corpora: dict[str, Corpus] = {}
        self._texts: dict[str, SharedText] = {}

    def find(self, config: Config, *, may_fork: bool) -> SharedText | None:
        """Return the text of a run; None where it cannot be read, which the run tells.

        Args:
            config: of the run.
            may_fork: whether a fork of this process may begin to count.
        """
        key, dataset = _find_key(config), repr(config.dataset)
        with suppress(CharRNNError, OSError):
            if dataset not in self._corpora:
                self._corpora[dataset] = load_corpus(config.dataset)
            if key not in self._texts:
                corpus = self._corpora[dataset]
                self._texts[key] = SharedText(key, corpus, _count(config, corpus) if may_fork else None)
            return self._texts[key]
        return None


def _find_key(config: Config) -> str:
    return repr((config.dataset, config.training.max_val_characters))


def _count(config: Config, corpus: Corpus) -> SharedLoss | None:
    """Begin to count; return None where a run would not."""
    whole = split_corpus(corpus, config.dataset)
    splits, num_symbols = cap_validation(whole, config.training.max_val_characters), len(corpus.vocabulary)
    if splits.val_n is None or len(splits.train_n) > MAX_CHARACTERS:
        return None
    return SharedLoss(
        partial(
            measure_ngram_loss,
            splits.train_n,
            splits.val_n,
            splits.val_starts,
            num_symbols=num_symbols,
            line_break=splits.line_break,
        )
    )
