"""Everything about a run's text that can be done, and can fail, before TensorFlow is imported."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.schema import Config
from charrnn_exp.data.batches import BatchOrder, plan_batches
from charrnn_exp.data.corpus import Corpus, load_corpus
from charrnn_exp.data.prompt import read_prompt
from charrnn_exp.data.splits import Parts, split_text
from charrnn_exp.errors import UserError


@dataclass(frozen=True)
class PreparedText:
    """A text ready for training.

    Args:
        corpus: the whole text.
        parts: training and validation text.
        order: which characters make which batch.
        prompt_ids_t: what samples start from.
    """

    corpus: Corpus
    parts: Parts
    order: BatchOrder
    prompt_ids_t: npt.NDArray[np.int32]


def prepare_text(config: Config) -> PreparedText:
    """Read, split and plan the text of a run.

    Raises:
        UserError: if the text or the prompt does not fit the settings.
        MachineError: if a text cannot be downloaded.
    """
    corpus = load_corpus(config.dataset)
    parts = split_text(corpus.ids_n, config.dataset.split)
    order = plan_batches(len(parts.train_n), config.training, seed=config.seed)
    if parts.val_n is not None and len(parts.val_n) < 2:
        raise UserError(
            f"dataset must have a validation text of at least 2 characters, got {len(parts.val_n)} of "
            f"{len(corpus.ids_n)}. Use a longer text or dataset.split=none."
        )
    return PreparedText(corpus, parts, order, read_prompt(config.sampling, corpus.vocabulary))
