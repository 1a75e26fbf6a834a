"""Bytes to text: what kind of file this is, and in which encoding it was written.

Knows the first bytes of the files people send by mistake, and the encodings that spreadsheets and old editors write.
Knows nothing of JSON or of tasks.
"""

import codecs
import re
from typing import Literal, NamedTuple

from charset_normalizer import from_bytes

from studio.errors import TaskError

MOST_BYTES = 50 * 1024 * 1024
"""Upstream's own cap on a task file."""

_RAW = 'Open the file on the web site, press the "Raw" or "Download" button, and save that.'
_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF document", "Save the data itself as a .json file."),
    (b"\x89PNG", "a PNG picture", "Choose the data file instead."),
    (b"\xff\xd8\xff", "a JPEG picture", "Choose the data file instead."),
    (b"GIF8", "a GIF picture", "Choose the data file instead."),
    (b"\x1f\x8b", "a file compressed by gzip", "Unpack it and choose the .json file inside."),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it and choose the .json file inside."),
    (b"Rar!", "a RAR archive", "Unpack it and choose the .json file inside."),
    (b"\x00\x00\x00\x01Bud1", "a .DS_Store, which macOS leaves in folders", "Choose the data file beside it."),
    (b"SQLite format 3", "a SQLite database", "Save the data as .xlsx, .csv or .json."),
    (
        b"\xd0\xcf\x11\xe0",
        "an old Word or Excel document (.doc, .xls), or one locked by a password",
        "Open it and save it as an Excel workbook (.xlsx) without a password, or as CSV (UTF-8).",
    ),
    (b"FEA1", "an old Feather file", "Save it as Parquet."),
    (b"{\\rtf", "a rich-text document", "Save it as plain text with the ending .json."),
    (b"b0VIM", "a swap file of the editor Vim", "Choose the .json file beside it."),
    (
        b"version https://git-lfs",
        "a Git-LFS pointer, a note that says where the real file is",
        f"Run `git lfs pull`, or download the file itself. {_RAW}",
    ),
)
_OFFICE = (
    (b"application/vnd.oasis.opendocument", "an OpenDocument file (.ods, .odt)"),
    (b"Index/Document.iwa", "a Numbers or Pages document of Apple's"),
    (b"xl/workbook.bin", "a binary Excel workbook (.xlsb)"),
)
_OLD_ENCODINGS = ["cp1252", "cp1250", "cp1251", "shift_jis", "gb18030"]
_SHOWN = {
    "cp1252": "Windows-1252 (Western European)",
    "cp1250": "Windows-1250 (Central European)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "shift_jis": "Shift JIS (Japanese)",
    "gb18030": "GB 18030 (Chinese)",
}


class Decoded(NamedTuple):
    """The text of a file, and what was done to get it; `repair` is (name, words, place, before, after)."""

    text: str
    warnings: tuple[str, ...]
    repair: tuple[str, str, str, str, str] | None = None


def decode(data: bytes, name: str) -> Decoded:
    """Return the text of a file's bytes. Raises TaskError if it is empty or of another kind than text."""
    check_size(len(data), name)
    if not data.strip(b" \t\r\n\x00\xef\xbb\xbf\xff\xfe"):
        raise TaskError(
            f"{name}: the file is empty ({len(data)} bytes). Perhaps the download was stopped; get it again.",
            field="file",
        )
    _check_kind(data, name)
    encoding = _marked_encoding(data)
    if encoding == "utf-8-sig":
        words = "A byte-order mark stood before the text; it was left out"
        return Decoded(_decode_as(data, encoding, name), (), ("mark", words, "byte 0", "EF BB BF", ""))
    if encoding:
        words = f"The file was written in {encoding.upper()}; it was read as such."
        text = _decode_as(data, encoding, name)
        return Decoded(text, (words,), ("encoding", words, "the file", encoding.upper(), "UTF-8"))
    if re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", data[:1000]) and not re.match(rb"\s*[\[{]", data):
        raise _wrong_kind(name, "no text but a binary file", "Choose the data file.")
    try:
        return Decoded(data.decode("utf-8"), ())
    except UnicodeDecodeError as error:
        return _guess(data, error.start, name)


def find_container(data: bytes, name: str = "The file") -> Literal["excel", "parquet", "arrow", "zip", "text"]:
    """Say by its first bytes what a file is, as far as it can be read. Raises TaskError for a Word document."""
    if data.startswith(b"PAR1"):
        return "parquet"
    if data.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "arrow"
    if not data.startswith(b"PK\x03\x04"):
        return "text"
    beginning, end = data[:4096], data[-65536:]
    for part, kind in _OFFICE:
        if part in beginning or (part in end and part.startswith(b"xl/")):
            raise _wrong_kind(name, kind, "Open it and save it as an Excel workbook (.xlsx), or as CSV (UTF-8).")
    if b"xl/" in beginning or b"xl/workbook" in end:
        return "excel"
    for part, kind in ((b"word/", "a Word document"), (b"ppt/", "a PowerPoint document")):
        if part in beginning or (b"[Content_Types].xml" in beginning and part in end):
            raise _wrong_kind(name, kind, "Save it as plain text, or its tables as .csv.")
    return "zip"


def check_size(size_bytes: int, name: str) -> None:
    """Raise TaskError if a file is larger than upstream's cap of 50 MB."""
    if size_bytes > MOST_BYTES:
        raise TaskError(
            f"{name}: the file has {size_bytes / 2**20:.1f} MB; a task file may have at most "
            f"{MOST_BYTES // 2**20} MB. Keep a part of its Instances (6,500 are upstream's most) and save it again, or "
            "cut it into several files and bring them as a ZIP archive.",
            field="file",
        )


def _check_kind(data: bytes, name: str) -> None:
    for start, kind, way in _KINDS:
        if data.startswith(start):
            raise _wrong_kind(name, kind, way)
    beginning = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if re.match(rb"<!doctype html|<html|<head|<!--|<body", beginning):
        raise _wrong_kind(name, "a web page (HTML), not the file that the page shows", _RAW)
    if beginning.startswith(b"<"):
        raise _wrong_kind(name, "an XML document", "Save the data as .xlsx, .csv or .json.")


def _wrong_kind(name: str, kind: str, way: str) -> TaskError:
    return TaskError(
        f"{name}: this is {kind}. What can be read: JSON, JSON Lines, CSV, Excel (.xlsx), Parquet, plain text, and ZIP "
        f"archives of them. {way}",
        field="file",
    )


def _marked_encoding(data: bytes) -> str | None:
    """The encoding that a byte-order mark, or the zero bytes of UTF-16 around a first "{", tells."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return encoding
    if data[:4:2] in (b"{\n", b"{\r", b"{ ", b'{"', b"[{", b"[\n") and data[1:4:2] == b"\x00\x00":
        return "utf-16-le"
    if data[1:4:2] in (b"{\n", b"{\r", b"{ ", b'{"', b"[{", b"[\n") and data[:4:2] == b"\x00\x00":
        return "utf-16-be"
    return None


def _decode_as(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise TaskError(
            f"{name}: the file begins as {encoding.removesuffix('-sig').upper()} but byte {error.start:,} doesn't "
            "fit that. It was cut or mixed; save it again as UTF-8.",
            field="file",
        ) from None


def _guess(data: bytes, place: int, name: str) -> Decoded:
    """Read bytes that aren't UTF-8 in the likeliest old encoding, and show what came out."""
    if len(data) - place <= 3:
        raise TaskError(
            f"{name}: the file ends in the middle of a letter (byte {place:,}); its end is missing. Download it again.",
            field="file",
        )
    encoding = _likeliest_encoding(data)
    text = data.decode(encoding, errors="replace")
    middle = len(data[:place].decode(encoding, errors="replace"))
    piece = re.sub(r"\s+", " ", text[max(0, middle - 12) : middle + 12])
    unread = text.count("\ufffd")
    loss = f" {unread:,} letters could not be read at all." if unread else ""
    shown = _SHOWN.get(encoding, encoding)
    return Decoded(
        text,
        (
            f"Byte 0x{data[place]:02X} at {place:,} is not UTF-8; the file was read as "
            f"{shown}, which gives \u201c{piece}\u201d.{loss} "
            "If letters look wrong, save the file again as UTF-8.",
        ),
        (
            "encoding",
            f"The file is not UTF-8; it was read as {shown}",
            f"byte {place:,}",
            data[place:].hex()[:8],
            piece,
        ),
    )


def _likeliest_encoding(data: bytes) -> str:
    """The encoding of the lines that hold bytes above 127; Windows-1252 when it does as well as another."""
    lines = b"\n".join(line[:2000] for line in data.split(b"\n") if not line.isascii())[:20_000]
    matches = from_bytes(lines, cp_isolation=_OLD_ENCODINGS, preemptive_behaviour=False)
    best = matches.best()
    if best is None:
        return "cp1252"
    as_good = {
        name
        for match in matches
        if match.chaos <= best.chaos + 0.01
        for name in (match.encoding, *match.could_be_from_charset)
    }
    return "cp1252" if "cp1252" in as_good else best.encoding
