"""Compressing and decompressing a file with the model of a run.

Axes: n character.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charrnn_exp.coding.compressed_file import Header, pack, read_compressed
from charrnn_exp.coding.exact_text import list_codecs, read_exactly, write_exactly
from charrnn_exp.config.schema import Config
from charrnn_exp.data.vocabulary import Ids, Vocabulary
from charrnn_exp.errors import MachineError
from charrnn_exp.files import write_durably
from charrnn_exp.machine.tensorflow import import_tensorflow
from charrnn_exp.model.memory import check_scoring_memory, explain_memory_errors
from charrnn_exp.model.size import resolve
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.weights import find_weights_hash, read_trained_checkpoint, read_weights_by_hash
from charrnn_exp.tracking.provenance import list_versions

LIBRARIES = ("charrnn_exp", "tensorflow", "numpy")
"""Those whose version may change the last digits of a probability."""


@dataclass(frozen=True)
class Sizes:
    """What compressing a text came to.

    Args:
        text: its bytes.
        characters: symbols of the model's unit.
        coded: bytes of the coded text.
        file: bytes of the file, the header included.
    """

    text: int
    characters: int
    coded: int
    file: int

    def __str__(self) -> str:
        """Return the sizes in words.

        >>> str(Sizes(text=1000, characters=1000, coded=250, file=750))
        '750 bytes (250 of the text, 500 of the header), 2.0000 bits per character, 75.0 % of the text'
        """
        line = f"{self.file:,} bytes ({self.coded:,} of the text, {self.file - self.coded:,} of the header)"
        if self.characters:
            line += (
                f", {8 * self.coded / self.characters:.4f} bits per character, {self.file / self.text:.1%} of the text"
            )
        return line.replace("%", " %")


def compress(folder: RunFolder, text: Path, out: Path, *, checkpoint: str | None, warn: Callable[[str], None]) -> Sizes:
    """Write a compressed file.

    Args:
        folder: of the run.
        text: file that is compressed.
        out: the new file.
        checkpoint: last or best; None: best if early stopping ended the run, else last.
        warn: called with a line for each damaged checkpoint that is skipped.

    Raises:
        UserError: if the file does not fit the run's vocabulary, or would not come back byte for byte.
        MachineError: if the run has no checkpoint, or memory is short.
    """
    config, vocabulary = folder.read_untracked_config(), folder.read_vocabulary()
    ids_n, content, codec = read_exactly(text, config.dataset, vocabulary, key="text")
    check_scoring_memory(resolve(config.model, num_symbols=len(vocabulary)), num_symbols=len(vocabulary))
    facts = {"vocabulary_sha256": vocabulary.sha256}
    chosen, weights = read_trained_checkpoint(folder, checkpoint, facts=facts, warn=warn)
    with explain_memory_errors():
        coded = _load_coder(config, weights, vocabulary).encode(ids_n)
    header = Header(
        sha256=hashlib.sha256(content).hexdigest(),
        num_bytes=len(content),
        num_characters=len(ids_n),
        unit=vocabulary.unit.name,
        encoding=codec,
        weights_sha256=find_weights_hash(chosen),
        step=chosen.step,
        vocabulary_sha256=vocabulary.sha256,
        versions=_list_versions(),
        machine=_describe_machine(),
    )
    packed = pack(header, coded)
    write_durably(out, packed)
    return Sizes(text=len(content), characters=len(ids_n), coded=len(coded), file=len(packed))


def decompress(folder: RunFolder, text: Path, out: Path, *, warn: Callable[[str], None]) -> Header:
    """Write the text of a compressed file, which has the very bytes that were compressed, and return its facts.

    Args:
        folder: of the run whose weights it was compressed with.
        text: the compressed file.
        out: the new file.
        warn: called with a line for each fact of the machine that is another than when it was compressed.

    Raises:
        UserError: if the file cannot be read.
        MachineError: if it is damaged, the run does not have its weights, or another text comes out.
    """
    header, coded = read_compressed(text, key="text")
    config, vocabulary = folder.read_untracked_config(), folder.read_vocabulary()
    if (header.vocabulary_sha256, header.unit) != (vocabulary.sha256, vocabulary.unit.name):
        raise MachineError(
            f"{text} was compressed with a model of other symbols than those of run {folder.path}: name its run."
        )
    if header.encoding not in list_codecs(config.dataset.encoding):
        raise MachineError(f"{text} is of another encoding than run {folder.path}, got {header.encoding[:40]!r}.")
    check_scoring_memory(resolve(config.model, num_symbols=len(vocabulary)), num_symbols=len(vocabulary))
    weights = read_weights_by_hash(folder, header.weights_sha256, facts={"vocabulary_sha256": vocabulary.sha256})
    if weights is None:
        raise MachineError(
            f"{text} was compressed with the weights of step {header.step} (sha256 {header.weights_sha256[:12]}), and "
            f"no checkpoint of run {folder.path} has them: name the run that compressed it, or restore that checkpoint."
        )
    with explain_memory_errors():
        coder = _load_coder(config, weights, vocabulary)
        changes = header.list_changes(_list_versions(), _describe_machine())
        for line in changes:
            warn(f"{line} Only with the same last digits the text comes back.")
        ids_n: Ids = coder.decode(coded, header.num_characters)
        content = write_exactly(ids_n, vocabulary, header.encoding)
    if (len(content), hashlib.sha256(content).hexdigest()) != (header.num_bytes, header.sha256):
        raise MachineError(
            f"another text than the one that was compressed came out of {text}, and nothing was written: decompress it "
            + (
                "on a machine and with versions as they were."
                if changes
                else "with the settings of the run as they were."
            )
        )
    write_durably(out, content)
    return header


def _load_coder(config: Config, weights: dict[str, Any], vocabulary: Vocabulary) -> Any:
    import_tensorflow()
    from charrnn_exp.coding.text_coder import TextCoder
    from charrnn_exp.model.weights import build_trained_network

    return TextCoder(build_trained_network(config, weights, vocabulary))


def _list_versions() -> dict[str, str]:
    return {name: version for name, version in list_versions().items() if name in LIBRARIES}


def _describe_machine() -> dict[str, str]:
    from charrnn_exp.machine.arithmetic import describe_arithmetic

    return describe_arithmetic()
