"""Reading, splitting and planning the text of a run: all that can fail before TensorFlow is imported.

Axes: t time.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.schema import Config
from charrnn_exp.data.batches import BatchOrder, plan_batches
from charrnn_exp.data.corpus import Corpus, load_corpus
from charrnn_exp.data.prompt import read_prompt
from charrnn_exp.data.splits import Splits, cap_validation, check_splits, split_text


@dataclass(frozen=True)
class PreparedText:
    """A text ready for training.

    Args:
        corpus: the whole text.
        splits: training, validation and test text.
        num_val_characters: length of the validation text before training.max_val_characters cut it; 0: there is none.
        order: the windows of each batch.
        prompt_ids_t: ids of the prompt of samples.
    """

    corpus: Corpus
    splits: Splits
    num_val_characters: int
    order: BatchOrder
    prompt_ids_t: npt.NDArray[np.int32]


def prepare_text(config: Config, corpus: Corpus | None = None) -> PreparedText:
    """Read, split and plan the text of a run.

    Args:
        config: of the run.
        corpus: the text of `config.dataset`, where it was read already; None: it is read.

    Raises:
        UserError: if the text or the prompt does not fit the settings.
        MachineError: if a text cannot be downloaded.
    """
    corpus = corpus or load_corpus(config.dataset)
    whole = split_text(corpus.ids_n, config.dataset, corpus.num_by_part)
    order = plan_batches(len(whole.train_n), config.training, seed=config.seed)
    splits = cap_validation(whole, config.training.max_val_characters)
    check_splits(splits, config.dataset)
    return PreparedText(
        corpus=corpus,
        splits=splits,
        num_val_characters=0 if whole.val_n is None else len(whole.val_n),
        order=order,
        prompt_ids_t=read_prompt(config, corpus.vocabulary),
    )
