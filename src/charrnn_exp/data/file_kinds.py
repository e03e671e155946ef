"""Files that are no text, told by their first bytes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FileKind:
    """A kind of file that is no text.

    Args:
        name: with its article, for messages.
        way_out: the way to its text, a whole sentence.
    """

    name: str
    way_out: str


HEADS: tuple[tuple[bytes, FileKind], ...] = (
    (b"\x1f\x8b", FileKind("a gzip file", "Unpack it first (gunzip -k FILE).")),
    (b"PK\x03\x04", FileKind("a zip file", "Unpack it first; of a docx, odt or epub file save the text.")),
    (b"PK\x05\x06", FileKind("a zip file", "It is empty.")),
    (b"%PDF-", FileKind("a PDF file", "Save its text as a text file first (pdftotext FILE).")),
    (b"BZh", FileKind("a bzip2 file", "Unpack it first (bunzip2 -k FILE).")),
    (b"\xfd7zXZ\x00", FileKind("an xz file", "Unpack it first (unxz -k FILE).")),
    (b"\x28\xb5\x2f\xfd", FileKind("a zstd file", "Unpack it first (unzstd FILE).")),
    (b"7z\xbc\xaf\x27\x1c", FileKind("a 7z file", "Unpack it first.")),
    (b"Rar!\x1a\x07", FileKind("a rar file", "Unpack it first.")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileKind("an old Office file", "Save its text as a text file first.")),
    (b"{\\rtf", FileKind("an RTF file", "Save its text as a text file first.")),
    (b"SQLite format 3\x00", FileKind("an SQLite file", "Export its text as a text file first.")),
    (b"\x89PNG\r\n", FileKind("a PNG picture", "Give a text file.")),
    (b"\xff\xd8\xff", FileKind("a JPEG picture", "Give a text file.")),
    (b"GIF8", FileKind("a GIF picture", "Give a text file.")),
    (b"\x7fELF", FileKind("a program", "Give a text file.")),
)


def find_file_kind(head: bytes) -> FileKind | None:
    """Return the kind of a file that is no text by its first bytes; None: it may be one."""
    return next((kind for start, kind in HEADS if head.startswith(start)), None)
