"""What is wrong with the settings of the text, in words."""

import codecs
from collections.abc import Iterator

from charrnn_exp.config.checks.ranges import at_least
from charrnn_exp.config.choices import DatasetName, Split
from charrnn_exp.config.schema import DatasetConfig


def find_dataset_problems(dataset: DatasetConfig) -> Iterator[str]:
    """Yield what is wrong with the settings of the text, one line each."""
    if dataset.name is DatasetName.file and not dataset.path:
        yield "dataset.path must be the path of a text file when dataset=file, got null. Set dataset.path=FILE."
    if dataset.name is not DatasetName.file and dataset.path is not None:
        yield (
            f"dataset.path must be null when dataset={dataset.name.name}, got {dataset.path!r}. "
            f"Use dataset=file dataset.path={dataset.path}."
        )
    try:
        b"a".decode(dataset.encoding, errors="replace")
        codecs.getincrementaldecoder(dataset.encoding)
    except (LookupError, ValueError):
        yield f"dataset.encoding must be a text encoding of Python (utf-8, latin-1, cp1252), got {dataset.encoding!r}."
    if dataset.max_bytes is not None:
        yield from at_least("dataset.max_bytes", dataset.max_bytes, 1)
    yield from _split_problems(dataset)


def _split_problems(dataset: DatasetConfig) -> Iterator[str]:
    split = dataset.split
    for field in ("val_fraction", "test_fraction"):
        fraction = getattr(dataset, field)
        if fraction is not None and split not in (Split.fraction, Split.karpathy2015):
            yield (
                f"dataset.{field} must be null when dataset.split={split.name}, got {fraction}. "
                "Use dataset.split=fraction."
            )
        elif fraction is not None and not 0.0 < fraction < 1.0:
            yield f"dataset.{field} must be in (0, 1) or null, got {fraction}."
    if split is Split.fraction and dataset.val_fraction is None:
        yield "dataset.val_fraction must be a number when dataset.split=fraction, got null. 0.1 is common."
    unsaid = 0.1 if split is Split.karpathy2015 else 0.0
    val, test = (unsaid if each is None else each for each in (dataset.val_fraction, dataset.test_fraction))
    if 0.0 < val < 1.0 and 0.0 < test < 1.0 <= val + test:
        yield f"dataset.test_fraction must leave a training text beside dataset.val_fraction={val}, got {test}."
    if dataset.split_streams is not None:
        yield from at_least("dataset.split_streams", dataset.split_streams, 1)
        if split not in (Split.charrnn, Split.karpathy2015):
            yield (
                f"dataset.split_streams must be null when dataset.split={split.name}, got {dataset.split_streams}. "
                "Use dataset.split=charrnn."
            )
