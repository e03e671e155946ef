"""The texts from the network in the installed conf/, read without composition."""

import functools
from dataclasses import dataclass

import yaml

from charrnn_exp.config.conf_folder import find_conf_folder


@dataclass(frozen=True, kw_only=True)
class InstalledText:
    """A text from the network; fields as in `DatasetConfig`."""

    name: str
    urls: tuple[str, ...]
    num_bytes: int
    checksum: str
    member: str | None


@functools.cache
def list_installed_texts() -> tuple[InstalledText, ...]:
    """Return the texts of conf/dataset/ whose source is the network, in the order of their names."""
    texts = []
    for path in sorted((find_conf_folder() / "dataset").glob("*.yaml")):
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        if values.get("source") == "network":
            texts.append(
                InstalledText(
                    name=values["name"],
                    urls=tuple(values["urls"]),
                    num_bytes=values["num_bytes"],
                    checksum=values["checksum"],
                    member=values.get("member"),
                )
            )
    return tuple(texts)
