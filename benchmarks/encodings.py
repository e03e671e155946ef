"""How often is the encoding of a text found, and a text that is read as it was written called another?

    python benchmarks/encodings.py [--samples FOLDER]

First English text of ASCII with a few signs or names in it, in each of the encodings that hold them: wrong is a warning
on a text that is read as it was written, and a first advice that reads it otherwise. Then the sample files of chardet,
`tests/` of its source package, a folder for each encoding: those of 2,000 bytes and more that their encoding reads.
"""

import argparse
import codecs
from collections.abc import Iterator
from pathlib import Path

from charrnn_exp.data.encodings import Sample, find_better, find_encodings

PLAIN = (
    "This program is free software; you can redistribute it and/or modify it\n * under the terms of the license.\n" * 40
)
SIGNS = (
    "\xa9\xae\xb0\xa7\xa3\u20ac\xbd\xbc\xbe\xd7\xf7\xb7\u2013\u2014\u201c\u201d\u2019\u2022\u2026\xb5\u2122\xb1\xb2\xb3\xb9"
    "\xa2\xa5\xb6\u2020\u2021\u2030"
)
NAMES = (
    "caf\xe9 na\xefve fa\xe7ade r\xe9sum\xe9 \xe0 d\xe9j\xe0 l\u2019\xe9t\xe9 Zo\xeb \xaboui\xbb se\xf1or Espa\xf1ol "
    "\xbfqu\xe9? \xa1Hola! M\xfcller stra\xdfe \xfcber G\xf6del \u201eja\u201c \xc6sop Dvo\u0159\xe1k Erd\u0151s "
    "\xc5ngstr\xf6m \u0141\xf3d\u017a"
)
ENCODINGS = ("utf-8", "cp1252", "latin-1", "mac-roman", "cp1251", "koi8-r", "cp850")
ADVISED = ("utf-8", "cp1252", "latin-1")
"""Of texts in these the advice is asked for, too."""
LEAST_BYTES = 2000


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=Path)
    arguments = parser.parse_args()
    answers = [answer for put in list_found() for answer in ask_of_plain(put)]
    print(f"signs and names in ASCII: {answers.count(False):,} of {len(answers):,} answers are wrong")
    if arguments.samples is not None:
        right = [is_right for folder in sorted(arguments.samples.iterdir()) for is_right in ask_of_samples(folder)]
        print(f"chardet's samples: {right.count(True):,} of {len(right):,} are found")


def list_found() -> list[str]:
    """Return what is put into the text."""
    names = NAMES.split()
    signs = [f" {sign} 2009 5{sign} 5{sign}5 5 {sign} 5 ({sign})" for sign in SIGNS]
    return [*signs, *names, *(f"{name}, {name}" for name in names)]


def ask_of_plain(put: str) -> Iterator[bool]:
    """Yield whether each answer about a text with it is right."""
    for num_times in (1, 3, 20, 200):
        text = PLAIN + f"line {put}\n{PLAIN[:300]}" * num_times
        for encoding in ENCODINGS:
            try:
                raw = text.encode(encoding)
            except UnicodeEncodeError:
                continue
            sample = Sample.of([raw])
            better = find_better(sample, encoding)
            yield better is None or raw.decode(better) == text
            if encoding in ADVISED:
                names = find_encodings(sample, [raw]).names
                yield bool(names) and raw.decode(names[0]) == text


def ask_of_samples(folder: Path) -> Iterator[bool]:
    """Yield whether the first advice reads each sample of an encoding as its encoding does."""
    encoding = find_codec(folder.name)
    for path in sorted(folder.glob("*")) if encoding else []:
        raw = path.read_bytes()
        try:
            text = raw.decode(encoding)
        except UnicodeError:
            continue
        if len(raw) >= LEAST_BYTES:
            names = find_encodings(Sample.of([raw]), [raw]).names
            yield bool(names) and raw.decode(names[0]) == text


def find_codec(name: str) -> str:
    """Return the codec that a folder is named after, with or without a language behind it; "" if Python has none."""
    for encoding in (name, name.rpartition("-")[0]):
        try:
            return codecs.lookup(encoding).name
        except LookupError:
            continue
    return ""


if __name__ == "__main__":
    main()
