"""Reading, splitting and planning the text of a run: all that can fail before TensorFlow is imported.

Axes: t time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.schema import Config
from charrnn_exp.data.corpus import Corpus, load_corpus
from charrnn_exp.data.plan import BatchPlan, Order, Reshape, plan_run
from charrnn_exp.data.prompt import read_prompt, read_stop
from charrnn_exp.data.splits import Splits, cap_validation, check_splits, split_corpus


@dataclass(frozen=True)
class PreparedText:
    """A text ready for training.

    Args:
        corpus: the whole text.
        splits: training, validation and test text.
        num_val_characters: length of the validation text before training.max_val_characters cut it; 0: there is none.
        plan: the windows of each batch.
        prompt_ids_t: ids of the prompt of samples.
        stop_ids_t: ids of the text at which samples end; None: there is none.
    """

    corpus: Corpus
    splits: Splits
    num_val_characters: int
    plan: BatchPlan
    prompt_ids_t: npt.NDArray[np.int32]
    stop_ids_t: npt.NDArray[np.int32] | None = None

    @property
    def order(self) -> Order:
        """The order of the first epoch."""
        return self.plan.find_order(0)


def prepare_text(config: Config, corpus: Corpus | None = None, *, reshapes: Sequence[Reshape] = ()) -> PreparedText:
    """Read, split and plan the text of a run.

    Args:
        config: of the run.
        corpus: the text of `config.dataset`, where it was read already; None: it is read.
        reshapes: the changes of a resumed run in the shape of its batches, in the order of their steps.

    Raises:
        UserError: if the text or the prompt does not fit the settings.
        MachineError: if a text cannot be downloaded.
    """
    corpus = corpus or load_corpus(config.dataset)
    whole = split_corpus(corpus, config.dataset)
    plan = plan_run(
        len(whole.train_n),
        config.training,
        seed=config.seed,
        reshapes=reshapes,
        lengths_l=whole.find_line_lengths(),
    )
    splits = cap_validation(whole, config.training.max_val_characters)
    check_splits(splits, config.dataset)
    return PreparedText(
        corpus=corpus,
        splits=splits,
        num_val_characters=0 if whole.val_n is None else len(whole.val_n),
        plan=plan,
        prompt_ids_t=read_prompt(config, corpus.vocabulary),
        stop_ids_t=read_stop(config, corpus.vocabulary),
    )
