"""Downloads, from a real server on 127.0.0.1 that answers well, badly, or not at all."""

import contextlib
import hashlib
import io
import os
import shutil
import socket
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from charrnn_exp.data.checksum import Checksum
from charrnn_exp.data.download import DATA_FOLDER_VARIABLE, Download, fetch, find_data_folder
from charrnn_exp.errors import MachineError

GOOD = b"to be, or not to be\n" * 997
CORRUPT = GOOD[:500] + b"X" + GOOD[501:]
NAME = "play.txt"


def git_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob " + str(len(content)).encode("ascii") + b"\0" + content).hexdigest()


KINDS: list[tuple[Checksum, Checksum]] = [
    (Checksum("sha256", hashlib.sha256(GOOD).hexdigest()), Checksum("sha256", hashlib.sha256(CORRUPT).hexdigest())),
    (Checksum("git-blob", git_blob(GOOD)), Checksum("git-blob", git_blob(CORRUPT))),
    (Checksum("md5", hashlib.md5(GOOD).hexdigest()), Checksum("md5", hashlib.md5(CORRUPT).hexdigest())),
]
"""The checksums of the good and of the corrupt text, of every kind."""
IDS = ["sha256", "git", "md5"]
GOOD_SHA256 = KINDS[0][0]
CACHED = f"sha256-{GOOD_SHA256.digest}"
"""Name of the good text in the cache."""


def pack(content: bytes, *, name: str = NAME, method: int = zipfile.ZIP_DEFLATED, before: str | None = None) -> bytes:
    """A zip file with the content under the name, after another member where there is one before it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        if before is not None:
            archive.writestr(before, b"not asked for")
        archive.writestr(name, content)
    return file.getvalue()


def encrypt(packed: bytes) -> bytes:
    """Set the flag of an encrypted member, in both of its headers."""
    changed = bytearray(packed)
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        changed[packed.index(signature) + offset] |= 1
    return bytes(changed)


ZIPS = {
    "good.zip": pack(GOOD),
    "stored.zip": pack(GOOD, method=zipfile.ZIP_STORED),
    "beside-hostile-names.zip": pack(GOOD, before="../../../escaped.txt"),
    "corrupt.zip": pack(CORRUPT),
    "bomb.zip": pack(bytes(300 * len(GOOD))),
    "hostile-name.zip": pack(GOOD, name=f"../{NAME}"),
    "absolute-name.zip": pack(GOOD, name=f"/{NAME}"),
    "folder.zip": pack(b"", name=f"{NAME}/"),
    "nothing-in-it.zip": pack(GOOD, name="another.txt"),
    "bzip2.zip": pack(GOOD, method=zipfile.ZIP_BZIP2),
    "encrypted.zip": encrypt(pack(GOOD)),
    "no-zip.zip": GOOD,
    "empty.zip": b"",
    "endless.zip": bytes(8 * len(GOOD)),
}
GOOD_ZIPS = ["good.zip", "stored.zip", "beside-hostile-names.zip"]
BAD_ZIPS = [name for name in ZIPS if name not in GOOD_ZIPS]


REDIRECTS = {
    "to-a-file": "file:///etc/hostname",
    "to-http": "http://192.0.2.1/text",  # an address of nobody, for documentation
    "to-a-password": f"http://me:secret@127.0.0.1/good/{NAME}",
    "to-good": f"/good/{NAME}",
    "round": f"/round/{NAME}",
}


@dataclass
class Mirror:
    """A server with an address for each way to answer, and a list of what was asked."""

    address: str
    asked: list[str] = field(default_factory=list)
    num_sent: int = 0
    """Bytes of the endless answer."""

    def url(self, way: str) -> str:
        return f"{self.address}/{way}/{NAME}"


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            way = self.path.split("/")[1]
            found.asked.append(way)
            if way in ("404", "500"):
                self.send_error(int(way))
                return
            if way == "endless":
                self.send_response(200)
                self.end_headers()
                with contextlib.suppress(OSError):
                    while True:
                        self.wfile.write(bytes(1 << 16))
                        found.num_sent += 1 << 16
                return
            if way in REDIRECTS:
                self.send_response(302)
                self.send_header("Location", REDIRECTS[way])
                self.end_headers()
                return
            if way == "truncated.zip":
                self.send_response(200)
                self.end_headers()  # no length: the connection just ends
                self.wfile.write(ZIPS["good.zip"][:-30])
                return
            bodies = ZIPS | {"good": GOOD, "corrupt": CORRUPT, "empty": b"", "longer": GOOD + b"x"}
            body = bodies.get(way, GOOD)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if way == "truncated" else body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Mirror(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder, which does not exist yet."""
    found = tmp_path / "data" / "texts"
    monkeypatch.setenv(DATA_FOLDER_VARIABLE, str(found))
    return found


@pytest.fixture
def dead_url() -> str:
    """An address where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    return f"http://127.0.0.1:{port}/{NAME}"


def describe(*urls: str, checksum: Checksum = GOOD_SHA256, member: str | None = None) -> Download:
    return Download(name=NAME, urls=urls, num_bytes=len(GOOD), checksum=checksum, member=member)


def fail(download: Download) -> str:
    with pytest.raises(MachineError) as caught:
        fetch(download)
    (line,) = caught.value.lines
    assert len(line.splitlines()) == 1
    return line


def list_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_the_data_folder_is_the_variables_or_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(DATA_FOLDER_VARIABLE, str(tmp_path))
    assert find_data_folder() == tmp_path
    for unset in (
        lambda: monkeypatch.setenv(DATA_FOLDER_VARIABLE, ""),
        lambda: monkeypatch.delenv(DATA_FOLDER_VARIABLE),
    ):
        unset()
        assert find_data_folder().is_absolute()
        assert "charrnn_exp" in find_data_folder().parts


@pytest.mark.parametrize("checksum", [good for good, _ in KINDS], ids=IDS)
def test_a_good_file_arrives_once_and_is_alone_in_the_folder(mirror: Mirror, folder: Path, checksum: Checksum) -> None:
    download = describe(mirror.url("good"), checksum=checksum)
    place = folder / f"{checksum.kind}-{checksum.digest}"
    assert fetch(download) == place
    assert fetch(download) == place
    assert place.read_bytes() == GOOD
    assert list_files(folder) == [place.name]
    assert mirror.asked == ["good"]


def test_a_download_says_so_and_a_text_of_the_cache_does_not(
    mirror: Mirror, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    download = describe(mirror.url("good"))
    fetch(download)
    assert capsys.readouterr().out.startswith("downloading ")
    fetch(download)
    assert capsys.readouterr().out == ""


def test_a_file_put_there_by_hand_is_used_without_the_network(folder: Path, dead_url: str) -> None:
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(GOOD)
    (folder / "of the same size").write_bytes(CORRUPT)
    assert fetch(describe(dead_url)) == folder / NAME


def test_the_first_good_mirror_is_used_and_no_further_one_asked(mirror: Mirror, folder: Path, dead_url: str) -> None:
    ways = ["404", "500", "truncated", "corrupt", "empty", "good", "good"]
    assert fetch(describe(dead_url, *map(mirror.url, ways))) == folder / CACHED
    assert (folder / CACHED).read_bytes() == GOOD
    assert list_files(folder) == [CACHED]
    assert mirror.asked == ways[:-1]


@pytest.mark.parametrize("way", ["truncated", "corrupt", "empty", "longer", "to-a-file", "endless", "404", "500"])
def test_a_bad_answer_leaves_nothing_behind(mirror: Mirror, folder: Path, way: str) -> None:
    line = fail(describe(mirror.url(way)))
    assert list_files(folder.parent) in ([], [folder.name])
    assert line.startswith(f"text {NAME} must be downloaded, got ")
    assert mirror.address.removeprefix("http://") in line


def test_an_answer_without_an_end_is_left_at_the_first_byte_too_many(mirror: Mirror, folder: Path) -> None:
    line = fail(describe(mirror.url("endless")))
    assert f"size must be at most {len(GOOD)} bytes, got more" in line
    assert mirror.num_sent < 64 << 20  # what the buffers of the two sockets hold, and then some


@pytest.mark.parametrize(("checksum", "found"), KINDS, ids=IDS)
def test_a_corrupt_download_names_both_checksums(
    mirror: Mirror, folder: Path, checksum: Checksum, found: Checksum
) -> None:
    line = fail(describe(mirror.url("corrupt"), checksum=checksum))
    assert checksum.digest in line
    assert found.digest in line


def test_no_network_names_the_path_where_to_put_the_file_by_hand(folder: Path, dead_url: str) -> None:
    line = fail(describe(dead_url, dead_url))
    assert f"Put it by hand, {len(GOOD):,} bytes with {GOOD_SHA256}, under any name into {folder}, or" in line
    assert f"set {DATA_FOLDER_VARIABLE} to the folder that has it" in line
    assert "dataset=stdlib needs no network" in line
    assert line.count(dead_url.split("/")[2]) >= 2


def test_the_path_to_put_the_file_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead_url: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(DATA_FOLDER_VARIABLE, "texts")
    assert f" into {Path.cwd() / 'texts'}, or" in fail(describe(dead_url))


@pytest.mark.parametrize(("checksum", "found"), KINDS, ids=IDS)
def test_a_damaged_text_in_the_cache_is_named_with_both_checksums_and_stays(
    mirror: Mirror, folder: Path, checksum: Checksum, found: Checksum
) -> None:
    folder.mkdir(parents=True)
    place = folder / f"{checksum.kind}-{checksum.digest}"
    place.write_bytes(CORRUPT)
    line = fail(describe(mirror.url("good"), checksum=checksum))
    assert line.startswith(f"{place} must have the checksum {checksum}, got {found}.")
    assert place.read_bytes() == CORRUPT
    assert mirror.asked == []


def test_a_file_of_the_same_size_and_another_checksum_is_named_where_no_mirror_answers(
    folder: Path, dead_url: str
) -> None:
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(CORRUPT)
    assert fail(describe(dead_url)).endswith(f"There, {NAME} of the same size have other checksums.")


def test_a_text_without_a_mirror_says_what_to_put_where(folder: Path) -> None:
    assert fail(describe()).startswith(f"text {NAME} must be downloaded, got no mirror to ask. Put it by hand, ")


@pytest.mark.parametrize("way", ["to-http", "to-a-file", "to-a-password", "round"])
def test_a_redirect_to_an_address_that_may_not_be_used_is_not_followed(mirror: Mirror, folder: Path, way: str) -> None:
    fail(describe(mirror.url(way)))
    assert mirror.asked == [way] * (6 if way == "round" else 1)
    assert list_files(folder) == []


def test_a_redirect_to_an_address_that_may_be_used_is_followed(mirror: Mirror, folder: Path) -> None:
    assert fetch(describe(mirror.url("to-good"))).read_bytes() == GOOD
    assert mirror.asked == ["to-good", "good"]


def test_an_address_that_may_not_be_used_is_not_connected_to(mirror: Mirror, folder: Path) -> None:
    line = fail(describe(mirror.url("good").replace("http://", "http://me:secret@"), "http://192.0.2.1/text"))
    assert "an address without user and password" in line
    assert "an https address" in line
    assert mirror.asked == []


def test_a_data_folder_that_cannot_be_made_is_told_in_one_line(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(DATA_FOLDER_VARIABLE, str(tmp_path / "file" / "texts"))
    assert str(tmp_path / "file" / "texts") in fail(describe(mirror.url("good")))


def test_a_folder_or_a_pipe_in_the_place_of_the_text_is_told_in_one_line(mirror: Mirror, folder: Path) -> None:
    place = folder / CACHED
    place.mkdir(parents=True)
    (folder / "folder.zip").mkdir()
    os.mkfifo(folder / "pipe")
    download = describe(mirror.url("good"), member=NAME)
    assert fail(download) == f"{place} must be a file, got a folder. Move it away."
    place.rmdir()
    os.mkfifo(place)
    assert fail(download) == f"{place} must be a file, got a pipe or device. Move it away."


@pytest.mark.parametrize(
    ("content", "sha1"),
    [(b"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"), (b"hello\n", "ce013625030ba8dba906f756967f9e9ca394464a")],
)
def test_a_git_checksum_is_gits_own(folder: Path, dead_url: str, content: bytes, sha1: str) -> None:
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(content)
    assert git_blob(content) == sha1
    download = replace(describe(dead_url, checksum=Checksum("git-blob", sha1)), num_bytes=len(content))
    assert fetch(download) == folder / NAME


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_git_checksum_is_what_git_says(tmp_path: Path, folder: Path, dead_url: str) -> None:
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(GOOD)
    said = subprocess.run(["git", "hash-object", "--no-filters", NAME], cwd=folder, capture_output=True, text=True)
    assert said.stdout.strip() == git_blob(GOOD)
    assert fetch(describe(dead_url, checksum=Checksum("git-blob", said.stdout.strip()))) == folder / NAME


@pytest.mark.parametrize("way", GOOD_ZIPS)
def test_of_a_zip_file_only_the_text_is_kept_and_no_name_in_it_is_a_path(
    mirror: Mirror, folder: Path, way: str
) -> None:
    download = describe(mirror.url(way), member=NAME)
    assert fetch(download).read_bytes() == GOOD
    assert fetch(download) == folder / CACHED
    assert list_files(folder.parent) == sorted([CACHED, folder.name])
    assert mirror.asked == [way]


@pytest.mark.parametrize("way", [*BAD_ZIPS, "truncated.zip", "truncated", "404"])
def test_a_bad_zip_file_leaves_nothing_behind(mirror: Mirror, folder: Path, way: str) -> None:
    line = fail(describe(mirror.url(way), member=NAME))
    assert line.startswith(f"text {NAME} must be downloaded, got ")
    assert f"under any name (or a zip file with {NAME!r}) into {folder}, or set" in line
    assert list_files(folder.parent) == [folder.name]


def test_a_zip_bomb_is_left_at_the_first_byte_too_many(mirror: Mirror, folder: Path) -> None:
    assert f"size must be at most {len(GOOD)} bytes, got more" in fail(describe(mirror.url("bomb.zip"), member=NAME))


def test_a_zip_file_put_there_by_hand_is_unpacked_without_the_network(folder: Path, dead_url: str) -> None:
    folder.mkdir(parents=True)
    (folder / "packed.zip").write_bytes(ZIPS["good.zip"])
    assert fetch(describe(dead_url, member=NAME)).read_bytes() == GOOD
    assert list_files(folder) == ["packed.zip", CACHED]


@pytest.mark.parametrize("way", [way for way in BAD_ZIPS if ZIPS[way] != GOOD])
def test_a_bad_zip_file_put_there_by_hand_stays_alone(folder: Path, dead_url: str, way: str) -> None:
    place = folder / f"{NAME}.zip"
    folder.mkdir(parents=True)
    place.write_bytes(ZIPS[way])
    assert fail(describe(dead_url, member=NAME)).startswith(f"text {NAME} must be downloaded, got no valid file (")
    assert list_files(folder) == [place.name]


def test_a_damaged_zip_file_put_there_by_hand_is_named(folder: Path, dead_url: str) -> None:
    folder.mkdir(parents=True)
    (folder / "mine.zip").write_bytes(ZIPS["corrupt.zip"])
    assert f"{folder / 'mine.zip'}: ValueError: checksum must be {GOOD_SHA256}" in fail(describe(dead_url, member=NAME))


def test_where_the_mirrors_have_no_zip_file_one_beside_the_text_is_not_looked_at(mirror: Mirror, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / f"{NAME}.zip").write_bytes(ZIPS["good.zip"])
    fetch(describe(mirror.url("good")))
    assert mirror.asked == ["good"]
