"""What every setting means: its type, unit, range and source. The values stand in conf/."""

from dataclasses import dataclass
from enum import Enum


class DatasetName(Enum):
    """Where the text comes from."""

    stdlib = "stdlib"
    shakespeare = "shakespeare"
    linux = "linux"
    file = "file"


class Unit(Enum):
    """What one symbol of the vocabulary is."""

    char = "char"
    byte = "byte"


class Split(Enum):
    """A named protocol for the parts of a text; the split decides the number, so it is stored with every result."""

    nanogpt = "nanogpt"
    none = "none"


class Cell(Enum):
    """The recurrent cell."""

    lstm = "lstm"


class OptimizerName(Enum):
    """The rule that turns gradients into steps."""

    adam = "adam"
    adamw = "adamw"


class Schedule(Enum):
    """How the learning rate moves with the step."""

    constant = "constant"
    cosine = "cosine"


class Precision(Enum):
    """The number format of the matrix products; weights are always stored in float32."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


class Backend(Enum):
    """Where MLflow keeps its books."""

    local = "local"
    server = "server"
    none = "none"


class LogCheckpoints(Enum):
    """Which weights go to MLflow as artifacts."""

    best = "best"
    all = "all"
    none = "none"


@dataclass(kw_only=True, slots=True)
class DatasetConfig:
    """The text."""

    name: DatasetName
    """stdlib (the running Python's own library, no network), shakespeare, linux, file."""
    path: str | None
    """The text file, for dataset=file only."""
    unit: Unit
    """char: one symbol per Unicode character. byte: one symbol per byte, whatever the encoding."""
    encoding: str
    """How bytes become characters (Python's codec names); unused where unit=byte."""
    split: Split
    """nanogpt: first 90 % training, last 10 % validation. none: everything is training text."""
    max_bytes: int | None
    """Read at most this many bytes; null: all. At least 1."""


@dataclass(kw_only=True, slots=True)
class ModelConfig:
    """The network: embedding, recurrent layers, a linear layer to one logit per symbol."""

    cell: Cell
    """lstm."""
    embedding_dim: int
    """Size of the vector that stands for a symbol, at least 1."""
    hidden_size: int
    """Units of each recurrent layer, at least 1."""
    num_layers: int
    """Recurrent layers, 1 to 16."""
    dropout: float
    """Share of each recurrent layer's outputs set to zero while training, in [0, 1)."""


@dataclass(kw_only=True, slots=True)
class OptimizerConfig:
    """How weights move. Its numbers are 32-bit ones: 3.4e38 at most."""

    name: OptimizerName
    """adam (Kingma and Ba 2015), adamw (decoupled weight decay, Loshchilov and Hutter 2019)."""
    learning_rate: float
    """Peak rate, above 0."""
    schedule: Schedule
    """constant, or cosine: to zero at the last step. Both after a linear warmup."""
    warmup_steps: int
    """Steps over which the rate grows linearly to its peak; 0: none."""
    clip_norm: float | None
    """Gradients longer than this (global L2 norm) are scaled to it, above 0; null: off."""
    weight_decay: float | None
    """adamw only: share of each weight matrix removed per step, times the rate, at least 0."""


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
    precision: Precision
    """auto: bfloat16 where the processor multiplies it fast, else float32."""
    ema_decay: float | None
    """Decay of an exponential moving average of the weights, in (0, 1), used for val_loss and samples; null: off."""
    early_stopping_patience: int | None
    """Stop after this many validations without a better val_loss, at least 1; null: off."""
    validate_every_steps: int | None
    """Validate every so many updates instead of at each epoch's end, at least 1; null: off."""
    checkpoint_every_epochs: int
    """A checkpoint that is kept every so many epochs, at least 1."""
    checkpoint_every_steps: int | None
    """A rolling checkpoint every so many updates instead of at each epoch's end, at least 1; null: off."""
    keep_checkpoints: int
    """Rolling checkpoints kept on disk (kept ones and the best do not count), at least 1."""


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
