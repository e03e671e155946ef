"""What every setting means: its type, unit, range and source. The values stand in conf/."""

from dataclasses import dataclass
from typing import Any

from charrnn_exp.config.choices import (
    Backend,
    LogCheckpoints,
    OptimizerName,
    Precision,
    Schedule,
    Source,
    Split,
    Unit,
)


@dataclass(kw_only=True, slots=True)
class DatasetConfig:
    """The text."""

    name: str
    """Name of the text, of letters, digits, '.', '_' and '-'."""
    source: Source
    """stdlib (the running Python's library, no network), file (dataset.path), network (dataset.urls)."""
    path: str | None
    """The text file, for dataset=file only; null: the text is no file of yours."""
    urls: list[str]
    """network only: https addresses that have the text, tried in turn."""
    num_bytes: int | None
    """network only: exact size of the text in bytes, at least 1; null: the text is not from the network."""
    checksum: str | None
    """network only: sha256:DIGEST of the text, or md5:DIGEST or git-blob:DIGEST; null: not from the network."""
    member: str | None
    """network only: name of the text in the zip file at the addresses; null: they have the text itself."""
    unit: Unit
    """char: one symbol per Unicode character. byte: one symbol per byte, whatever the encoding."""
    encoding: str
    """How bytes become characters (Python's codec names); unused where unit=byte."""
    split: Split
    """In order: nanogpt 90/10, torchrnn 80/10/10, tfds 90/5/5, fraction (what val_fraction and test_fraction say). The
    last parts of each of split_streams streams: charrnn 95/5, karpathy2015 80/10/10. none: all is training text."""
    val_fraction: float | None
    """fraction and karpathy2015 only: share of the validation text, in (0, 1); null: 0.1 for karpathy2015."""
    test_fraction: float | None
    """fraction and karpathy2015 only: share of the test text, in (0, 1); null: 0.1 for karpathy2015, or none."""
    split_streams: int | None
    """charrnn and karpathy2015 only: streams that the text is cut into, at least 1; null: 50 and 100."""
    max_bytes: int | None
    """Read at most this many bytes; null: all. At least 1."""


@dataclass(kw_only=True, slots=True)
class ModelConfig:
    """The network: embedding, recurrent layers, a linear layer to one logit per symbol."""

    cell: str
    """The recurrent cell, one of those declared in model/cells/ or offered by an installed package."""
    embedding_dim: int | None
    """Size of the vector that stands for a symbol, at least 1; null: one-hot."""
    hidden_size: int | None
    """Units of each recurrent layer, at least 1; null: as many as model.parameter_budget pays for."""
    parameter_budget: int | None
    """The model has at most so many weights, at least 1; null: off, model.hidden_size says it."""
    num_layers: int
    """Recurrent layers, 1 to 16."""
    dropout: float
    """Share of each recurrent layer's outputs set to zero while training, in [0, 1)."""
    input_dropout: float
    """The same for the vectors that enter the first layer."""
    output_dropout: float | None
    """The same for the outputs of the last layer, instead of model.dropout; null: model.dropout."""
    embedding_dropout: float
    """Share of the symbols whose whole vector is zero for a batch, the others scaled up (Merity et al. 2018)."""
    variational_dropout: bool
    """true: input, layer and output dropout draw one mask for all steps of a batch (Gal and Ghahramani 2016)."""
    residual: bool
    """Each recurrent layer above the first adds its inputs to its outputs."""
    layer_norm: bool
    """Each recurrent layer's outputs are normalised over its units (Ba et al. 2016), before residual and dropout."""
    tie_embeddings: bool
    """The embedding is also the output matrix (Press and Wolf 2017), after a projection where sizes differ."""
    learn_initial_state: bool
    """true: the state at the start of a text is learned (training.drop_state_probability makes it start more often)."""
    extra: dict[str, Any]
    """Settings of a cell that an installed package offers: model.extra.CELL.SETTING=VALUE."""


@dataclass(kw_only=True, slots=True)
class OptimizerConfig:
    """How weights move. Its numbers are 32-bit ones: 3.4e38 at most."""

    name: OptimizerName
    """adam (Kingma and Ba 2015), adamw (decoupled weight decay, Loshchilov and Hutter 2019), rmsprop, sgd."""
    momentum: float | None
    """sgd only: share of the step before that is added to a step, in [0, 1)."""
    rho: float | None
    """rmsprop only: decay of the average of squared gradients, in (0, 1)."""
    learning_rate: float
    """Peak rate, above 0."""
    schedule: Schedule
    """After a linear warmup: constant; cosine (to the least rate after the last step); exponential (times decay_rate in
    decay_every_epochs, a little each step) and step (all at once); plateau (times decay_rate when val_loss stalls)."""
    decay_rate: float | None
    """exponential, step and plateau only: factor of the rate, in (0, 1)."""
    decay_every_epochs: float | None
    """exponential and step only: passes over the training text from factor to factor, above 0."""
    plateau_patience: int | None
    """plateau only: validations without a better val_loss before the rate falls, at least 1."""
    min_learning_rate: float
    """After the warmup the rate does not fall below it, at least 0 and at most optimizer.learning_rate."""
    warmup_steps: int
    """Steps over which the rate grows linearly to its peak; 0: none."""
    clip_norm: float | None
    """Gradients longer than this (global L2 norm) are scaled to it, above 0; null: off."""
    clip_value: float | None
    """Each number of a gradient is cut to this size, above 0, instead of clip_norm; null: off."""
    weight_decay: float | None
    """Not of adam: share of each weight removed per step, times the rate, at least 0; null: off, or 0 for adamw."""
    weight_decay_exclude: list[str]
    """Weights with one of these words in their name (see the table of parameters) are spared from weight decay."""


@dataclass(kw_only=True, slots=True)
class TrainingConfig:
    """The loop."""

    epochs: int
    """Passes over the training text, at least 1."""
    max_steps: int | None
    """Stop after this many optimizer updates even within an epoch, at least 1; null: off."""
    batch_size: int
    """Streams (or windows) in one batch, at least 1."""
    sequence_length: int
    """Characters per stream in one batch; gradients reach back this far. At least 1."""
    shuffle: bool
    """true: windows in random order, drawn anew each epoch. false: parallel streams in text order."""
    stateful: bool
    """true: the state at the end of a batch starts the next; reset each epoch."""
    stream_jitter: bool
    """true: each epoch starts some characters later, 0 to sequence_length - 1 at random, so that windows differ."""
    drop_state_probability: float
    """Share of the carried states that a batch starts without, at random, in [0, 1)."""
    gradient_accumulation_steps: int
    """Batches whose mean gradient makes one update, at least 1."""
    precision: Precision
    """auto: bfloat16 where the processor multiplies it fast, else float32."""
    ema_decay: float | None
    """Decay of an exponential moving average of the weights, in (0, 1), used for val_loss and samples; null: off."""
    early_stopping_patience: int | None
    """Stop after this many validations without a better val_loss, at least 1; null: off."""
    max_val_characters: int | None
    """Validate on the first characters of the validation text only, at least 2; null: all of it."""
    validate_every_steps: int | None
    """Validate every so many updates instead of at each epoch's end, at least 1; null: off."""
    checkpoint_every_epochs: int
    """A checkpoint that is kept every so many epochs, at least 1."""
    checkpoint_every_steps: int | None
    """A rolling checkpoint every so many updates instead of at each epoch's end, at least 1; null: off."""
    keep_checkpoints: int
    """Rolling checkpoints kept on disk (kept ones and the best do not count), at least 1."""
    init_from: str | None
    """A run (latest, a folder, an MLflow id) whose best weights the training starts from; null: off. Symbols that it
    does not know start as unlikely as all together 0.1 %."""
    profile_steps: int | None
    """Record TensorFlow's profile of so many updates, from the third on, into profile/, at least 1; null: off."""


@dataclass(kw_only=True, slots=True)
class SamplingConfig:
    """Text from the model."""

    prompt: str | None
    """What the model reads first; null: a line break where the text has one, else its first symbol."""
    prompt_file: str | None
    """A UTF-8 file with the prompt, '-' for standard input, instead of sampling.prompt; null: off."""
    length: int
    """Characters to generate, 1 to 10,000,000."""
    temperature: float
    """Logits are divided by it; below 1 is bolder, 0 is greedy (the likeliest symbol each time). At least 0."""
    top_k: int | None
    """Draw from the k likeliest symbols only, at least 1; null: off."""
    num_samples: int
    """Texts generated side by side, 1 to 10,000."""
    seed: int
    """Of the draws; sample i of a batch is the same whatever the number of samples."""
    extra: dict[str, Any]
    """Filters that installed packages offer: sampling.extra.FILTER=VALUE; null: off."""


@dataclass(kw_only=True, slots=True)
class TrackingConfig:
    """MLflow."""

    backend: Backend
    """local: a store in ./mlruns. server: tracking.uri. none: no tracking."""
    uri: str | None
    """server: http(s) address of the tracking server; null: MLFLOW_TRACKING_URI."""
    experiment_name: str
    """The MLflow experiment that groups runs."""
    run_name: str | None
    """Name of the run; null: made from the overrides."""
    tags: dict[str, str]
    """Further tags of the run, for instance tracking.tags.team=speech."""
    system_metrics: bool
    """Log CPU and memory figures of the machine."""
    log_checkpoints: LogCheckpoints
    """Weights that go to MLflow: best, all kept ones, none."""


@dataclass(kw_only=True, slots=True)
class Config:
    """One run, whole."""

    name: str
    """Folder name under outputs/, for experiments that belong together."""
    seed: int
    """Of weights, dropout and order, 0 to 2**31 - 1."""
    dataset: DatasetConfig
    model: ModelConfig
    optimizer: OptimizerConfig
    training: TrainingConfig
    sampling: SamplingConfig
    tracking: TrackingConfig
