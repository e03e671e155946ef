"""The frozen inputs of one run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from charrnn_exp.config.reading import flatten, to_values
from charrnn_exp.config.schema import Config
from charrnn_exp.data.preparation import PreparedText
from charrnn_exp.evaluation.baseline.published import Published, find_published
from charrnn_exp.evaluation.baseline.shared import SharedLoss
from charrnn_exp.model.size import SizedModel
from charrnn_exp.run_folder.changes import Change
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.sampling.seed import settle_seed
from charrnn_exp.training.transfer import InitialWeights


@dataclass(frozen=True, kw_only=True)
class Resumption:
    """The point from which a run goes on, and the settings that it goes on with changed.

    Args:
        step: of the checkpoint that it goes on from; 0: from the start; None: from the newest one there is.
        changes: all of its life, in the order of their steps.
        new: those of this session.
        warnings: about this session, one line each.
        diverged_after: step after which an earlier session diverged, before which the run goes back; None: it did not.
        copied_from: fetched run whose files the folder of this one starts with; None: it is there already.
    """

    step: int | None = None
    changes: Sequence[Change] = ()
    new: Sequence[Change] = ()
    warnings: Sequence[str] = ()
    diverged_after: int | None = None
    copied_from: RunFolder | None = None


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The inputs of a run that are read before it has a folder.

    Args:
        config: checked settings, as they stand in `config.yaml`.
        model: settings of the model with the hidden size that its budget may have chosen.
        text: read and split.
        initial: weights of another run to start from at step 0; None: the network draws them by the seed.
        resumption: how an existing run goes on; the default is from its newest checkpoint, without a change.
        ngrams: the n-gram baseline, counted for several runs; None: the run counts its own.
    """

    config: Config
    model: SizedModel
    text: PreparedText
    initial: InitialWeights | None
    resumption: Resumption = Resumption()
    ngrams: SharedLoss | None = None

    def list_facts(self) -> dict[str, Any]:
        """Return the facts that a checkpoint must share with the run: model, optimizer, vocabulary, text."""
        values, corpus = to_values(self.config), self.text.corpus
        return {
            "model": values["model"],
            "optimizer": values["optimizer"]["name"],
            "vocabulary_sha256": corpus.vocabulary.sha256,
            "dataset": corpus.fingerprint.as_dict(),
        }

    def find_published(self) -> list[Published]:
        """Return the losses that were published for this text, unit and split."""
        return find_published(flatten(to_values(self.config)), self.text.corpus.fingerprint.sha256)


@dataclass(frozen=True, kw_only=True)
class Job(Prepared):
    """One run to be started or resumed.

    Args:
        folder: of the run; made where it is missing.
        name: of the run, in the MLflow UI.
        tags: further tags of the MLflow run.
        began: `time.time()` when the session began.
        is_resumed: whether the run resumes from the newest whole checkpoint of its folder, or from step 0 without one.
        hash: of what determines its numbers, as its sweep planned them, maybe on another machine; None: see `hash_job`.
        draws_seed: whether the seed of its samples was drawn, as `sampling.seed=null` asks for.
    """

    folder: RunFolder
    name: str
    tags: Mapping[str, str]
    began: float
    is_resumed: bool
    hash: str | None = None
    draws_seed: bool = False

    @property
    def as_asked(self) -> Self:
        """The job with the settings that were asked for, by which a sweep knows it."""
        sampling = replace(self.config.sampling, seed=None if self.draws_seed else self.config.sampling.seed)
        return replace(self, config=replace(self.config, sampling=sampling))

    @classmethod
    def of(
        cls,
        prepared: Prepared,
        folder: RunFolder,
        *,
        name: str,
        began: float,
        tags: Mapping[str, str] | None = None,
        is_resumed: bool = False,
    ) -> Self:
        """Return the job of prepared inputs in a folder; arguments as for the class."""
        values = {field.name: getattr(prepared, field.name) for field in fields(Prepared)}
        # A resumed run has the seed of its samples in its settings.
        values["config"] = replace(prepared.config, sampling=settle_seed(prepared.config.sampling))
        draws_seed = prepared.config.sampling.seed is None
        return cls(
            **values,
            folder=folder,
            name=name,
            began=began,
            tags=tags or {},
            is_resumed=is_resumed,
            draws_seed=draws_seed,
        )
