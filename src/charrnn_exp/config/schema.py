"""The settings: type, meaning, unit, range and source of each. Their values are in conf/."""

from dataclasses import dataclass
from typing import Any

from charrnn_exp.config.choices import (
    Backend,
    DecodingErrors,
    LogCheckpoints,
    Newlines,
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
    """Name of the text: letters, digits, '.', '_' and '-'."""
    source: Source
    """Origin of the text: stdlib (the running Python's library), stdlib_names (the names of functions and classes in
    it), file (dataset.path), network (dataset.urls)."""
    path: str | list[str] | None
    """Text for dataset=file only: a file, a folder (its own files), a pattern (book*.txt), or a list of these, each
    file decoded by itself, joined without a separator in the order of their paths' bytes; null: another source."""
    val_path: str | list[str] | None
    """Validation text, as dataset.path; dataset.split=files only, null: cut from dataset.path."""
    test_path: str | list[str] | None
    """Test text, as dataset.path; dataset.split=files only, null: none."""
    urls: list[str]
    """https addresses of the text, tried in turn; network only."""
    num_bytes: int | None
    """Exact size of the text in bytes, at least 1; network only, null: another source."""
    checksum: str | None
    """Checksum of the text, sha256:DIGEST, md5:DIGEST or git-blob:DIGEST; network only, null: another source."""
    member: str | None
    """Name of the text in the zip file at the addresses; network only, null: they have the text itself."""
    unit: Unit
    """Symbols of the vocabulary. char: one per Unicode character. byte: one per byte, whatever the encoding."""
    encoding: str
    """Encoding of the text, a codec name of Python; with dataset.unit=byte that of prompts alone."""
    errors: DecodingErrors
    """Bytes that are not in the encoding. strict: refused. replace: U+FFFD for each place. ignore: left out."""
    newlines: Newlines
    """Ends of lines. keep: as they are. lf: CR LF and CR become a line feed."""
    split: Split
    """Protocol of the training, validation and test text. In text order: nanogpt 90/10, torchrnn 80/10/10, tfds 90/5/5,
    fraction (by val_fraction and test_fraction). Within each of split_streams streams: charrnn 95/5, karpathy2015
    80/10/10. files: dataset.path, val_path and test_path. none: all is training text."""
    val_fraction: float | None
    """Share of the validation text, in (0, 1); fraction and karpathy2015 only, null: 0.1 for karpathy2015."""
    test_fraction: float | None
    """Share of the test text, in (0, 1); fraction and karpathy2015 only, null: 0.1 for karpathy2015, or none."""
    split_streams: int | None
    """Streams that the text is cut into, at least 1; charrnn and karpathy2015 only, null: 50 and 100."""
    max_bytes: int | None
    """Largest number of bytes read, at least 1, with dataset.split=files of each text; null: all."""
    lines: bool
    """The text is a list of lines, such as names: each starts from an empty state, whole lines are shuffled and split,
    and a sample is one line."""


@dataclass(kw_only=True, slots=True)
class ModelConfig:
    """The network: embedding, recurrent layers, a linear layer to one logit per symbol."""

    cell: str
    """Recurrent cell, declared in model/cells/ or offered by an installed package."""
    embedding_dim: int | None
    """Size of a symbol's embedding vector, at least 1; null: one-hot."""
    hidden_size: int | None
    """Units of each recurrent layer, at least 1; null: the largest number within model.parameter_budget."""
    parameter_budget: int | None
    """Largest number of weights of the model, at least 1; null: off, model.hidden_size sets the size."""
    num_layers: int
    """Number of recurrent layers, 1 to 16."""
    dropout: float
    """Dropout rate of each recurrent layer's outputs in training, in [0, 1)."""
    input_dropout: float
    """Dropout rate of the first layer's input vectors, in [0, 1)."""
    output_dropout: float | None
    """Dropout rate of the last layer's outputs, in [0, 1); null: model.dropout."""
    embedding_dropout: float
    """Share of the symbols whose whole vector is zero for a batch, in [0, 1) (Merity et al. 2018)."""
    weight_dropout: float
    """Share of the weights from state to state that an update leaves out, in [0, 1) (Merity et al. 2018)."""
    variational_dropout: bool
    """Input, layer and output dropout use one mask for all steps of a batch (Gal and Ghahramani 2016)."""
    residual: bool
    """Each recurrent layer above the first adds its inputs to its outputs."""
    layer_norm: bool
    """Each recurrent layer's outputs are normalised over its units (Ba et al. 2016), before residual and dropout."""
    tie_embeddings: bool
    """The embedding is also the output matrix (Press and Wolf 2017), after a projection where sizes differ."""
    learn_initial_state: bool
    """The state at the start of a text is learned; training.drop_state_probability makes it start more often."""
    extra: dict[str, Any]
    """Settings of a cell that an installed package offers: model.extra.CELL.SETTING=VALUE."""


@dataclass(kw_only=True, slots=True)
class OptimizerConfig:
    """The optimizer and its learning rate. Its numbers are 32-bit floats, at most 3.4e38."""

    name: OptimizerName
    """Optimizer: adam (Kingma and Ba 2015), adamw (decoupled decay, Loshchilov and Hutter 2019), rmsprop, sgd."""
    momentum: float | None
    """Share of the previous step that is added to a step, in [0, 1); sgd only."""
    rho: float | None
    """Decay of the average of squared gradients, in (0, 1); rmsprop only."""
    learning_rate: float
    """Peak learning rate, above 0."""
    schedule: Schedule
    """Learning rate after a linear warmup: constant; cosine (to min_learning_rate after the last step); exponential
    (times decay_rate over decay_every_epochs, smoothly); step (the same at once); plateau (times decay_rate when
    val_loss stalls)."""
    decay_rate: float | None
    """Factor of the rate, in (0, 1); exponential, step and plateau only."""
    decay_every_epochs: float | None
    """Epochs from factor to factor, above 0; exponential and step only."""
    plateau_patience: int | None
    """Validations without a better val_loss before the rate falls, at least 1; plateau only."""
    min_learning_rate: float
    """Smallest rate after the warmup, at least 0 and at most optimizer.learning_rate."""
    warmup_steps: int
    """Steps over which the rate grows linearly to its peak; 0: none."""
    clip_norm: float | None
    """Largest global L2 norm of a gradient, above 0; a longer one is scaled to it. null: off."""
    clip_value: float | None
    """Largest absolute value in a gradient, above 0, instead of clip_norm; null: off."""
    weight_decay: float | None
    """Share of each weight removed per step, times the rate, at least 0; not of adam. null: off, or 0 for adamw."""
    weight_decay_exclude: list[str]
    """Words in the names of weights (see parameters.txt) that weight decay spares."""


@dataclass(kw_only=True, slots=True)
class TrainingConfig:
    """The loop."""

    epochs: int
    """Epochs: passes over the training text, at least 1."""
    max_steps: int | None
    """Updates after which training stops, even within an epoch, at least 1; null: off."""
    batch_size: int
    """Streams (or windows) in one batch, at least 1."""
    sequence_length: int
    """Characters per stream in one batch, at least 1; gradients reach back this far."""
    shuffle: bool
    """Order of the batches. true: windows in random order, drawn each epoch. false: parallel streams in text order."""
    stateful: bool
    """The state at the end of a batch starts the next one; it is reset each epoch."""
    stream_jitter: bool
    """Each epoch starts at a random character, 0 to sequence_length - 1, so that windows differ."""
    drop_state_probability: float
    """Share of the carried states that a batch starts without, at random, in [0, 1)."""
    gradient_accumulation_steps: int
    """Batches whose mean gradient makes one update, at least 1."""
    precision: Precision
    """Number format of matrix products; auto: bfloat16 if the processor multiplies it fast, else float32."""
    ema_decay: float | None
    """Decay of an exponential moving average of the weights, in (0, 1), used for val_loss and samples; null: off.
    The decay at update n is at most n / (n + 9), so that the first weights are soon forgotten."""
    early_stopping_patience: int | None
    """Validations without a better val_loss after which training stops, at least 1; null: off."""
    max_val_characters: int | None
    """Characters of the validation text that are used, from its start, at least 2; null: all."""
    validate_every_steps: int | None
    """Updates from validation to validation, at least 1; null: at each epoch's end."""
    checkpoint_every_epochs: int
    """Epochs from kept checkpoint to kept checkpoint, at least 1."""
    checkpoint_every_steps: int | None
    """Updates from rolling checkpoint to rolling checkpoint, at least 1; null: at each epoch's end."""
    keep_checkpoints: int
    """Rolling checkpoints on disk, at least 1, not counting kept ones and the best."""
    init_from: str | None
    """Run (latest, a folder, an MLflow id) whose best weights the training starts from; null: off. All symbols that it
    does not know start with a probability of at most 0.1 % together."""
    profile_steps: int | None
    """Updates that TensorFlow's profiler records into profile/, from the third on, at least 1; null: off. A resumed run
    records none."""
    threads: int | None
    """Threads of TensorFlow's kernels, 1 to 1024; they order sums, so a run that goes on keeps them. null: all cores,
    or a share of them for each part; in a sweep 1 up to 512 units a layer, above that all cores."""
    parts: int | None
    """Equal parts of a batch's streams that are computed at once, 1 to 1024; a run that goes on keeps them. null: as
    many as training.devices; if that and training.threads are null, 2 in a run alone of up to 512 units a layer on two
    cores without AMX and GPU, where the batch is even, else 1."""
    devices: int | None
    """Devices of the host that the parts lie on in turn, GPUs if there are any, 1 to 64; null: the first."""


@dataclass(kw_only=True, slots=True)
class SamplingConfig:
    """Text from the model."""

    prompt: str | None
    """Text that the model reads first; null: a line break if the text has one, else its first symbol."""
    prompt_file: str | None
    """UTF-8 file with the prompt, '-' for standard input, instead of sampling.prompt; null: off."""
    length: int
    """Characters to generate, 1 to 10,000,000."""
    temperature: float
    """Divisor of the logits, at least 0; below 1 is more cautious, above 1 bolder, 0 always takes the likeliest."""
    repetition_penalty: float | None
    """Factor of the log-probabilities of symbols in the last 64 characters, in [1, 100]; null: off."""
    no_repeat_ngram_size: int | None
    """No sequence of this many characters comes twice within 4,096 characters, 2 to 1,000; null: off."""
    top_k: int | None
    """Number of likeliest symbols to draw from, at least 1; null: off."""
    typical_p: float | None
    """Draw from the symbols closest to the expected surprise that hold this share, in (0, 1]; null: off."""
    top_p: float | None
    """Draw from the fewest likeliest symbols that hold this share of the probability, in (0, 1]; null: off."""
    min_p: float | None
    """Draw from the symbols at least this share as likely as the likeliest, in (0, 1]; null: off."""
    beams: int | None
    """Width of a beam search for the likeliest texts, 1 to 1,000, without temperature and draws; null: off."""
    stop: str | None
    """Text at which a sample ends, a line break too, and which it keeps; null: off."""
    num_samples: int
    """Texts generated side by side, 1 to 10,000."""
    seed: int | None
    """Seed of the draws; sample i is the same for any number of samples; null: another one each time, which is told."""
    every_epochs: int | None
    """Epochs from sample to sample during the training, beside those of kept checkpoints, at least 1; null: off."""
    every_steps: int | None
    """Updates from sample to sample during the training, beside those of kept checkpoints, at least 1; null: off."""
    extra: dict[str, Any]
    """Filters that installed packages offer: sampling.extra.FILTER=VALUE; null: off."""


@dataclass(kw_only=True, slots=True)
class TrackingConfig:
    """MLflow."""

    backend: Backend
    """Store of the runs: local (./mlruns), server (tracking.uri), none (no tracking)."""
    uri: str | None
    """http(s) address of the tracking server, server only; null: MLFLOW_TRACKING_URI."""
    experiment_name: str
    """MLflow experiment that groups runs; `${name}`: the folder below outputs/."""
    run_name: str | None
    """Name of the run in MLflow; null: made from the overrides."""
    tags: dict[str, str]
    """Further tags of the run, for instance tracking.tags.team=speech."""
    system_metrics: bool
    """CPU and memory use of the machine are logged."""
    log_checkpoints: LogCheckpoints
    """Checkpoints that go to MLflow: at the end best, all (kept ones), none; each: the newest as soon as it is made."""
    log_every_steps: int
    """Updates from row to row of MLflow's curves, at least 1; the first, the last and each validation are sent too.
    metrics.jsonl has every update."""
    views: list[str] | None
    """Pages about the model that a run makes at its end: surprise, cells, attribution, embedding, growth, card;
    null: none."""


@dataclass(kw_only=True, slots=True)
class SweepConfig:
    """The jobs of a sweep (-m). Hydra's own launchers, and plugins such as joblib, ignore `jobs` and `keep_going`."""

    jobs: int | None
    """Jobs at once, at least 1; null: as many as the cores have threads for."""
    keep_going: bool
    """The other jobs run after one that failed."""
    rerun: bool
    """Jobs that are done already run again. false: a run below outputs/ with the same settings, text, threads and
    parts counts, and one that was stopped goes on."""
    dry_run: bool
    """The jobs are listed with the memory and, where earlier runs tell it, the time that they need, and none runs."""


@dataclass(kw_only=True, slots=True)
class Config:
    """All settings of one run."""

    name: str
    """Folder name under outputs/, for experiments that belong together."""
    seed: int
    """Seed of weights, dropout and batch order, 0 to 2**31 - 1."""
    dataset: DatasetConfig
    model: ModelConfig
    optimizer: OptimizerConfig
    training: TrainingConfig
    sampling: SamplingConfig
    tracking: TrackingConfig
    sweep: SweepConfig
