"""Bytes to text: what kind of file this is, and in which encoding it is read.

Knows the first bytes of the files people send by mistake, and the marks of Unicode's encodings; which old one a text is
in is weighed in `encoding.py`. Knows nothing of JSON or of tasks.
"""

import codecs
import re
import unicodedata
from typing import Literal, NamedTuple

from studio.errors import TaskError
from studio.tasks.read_as import ChoiceNeeded, Offer, Option
from studio.tasks.reading.encoding import check_encoding, name_encoding, show_candidates, weigh_encodings

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
_SHIFTED = re.compile(rb"\x1b(\$[@B]|\([BJI]|\$\(D)")
"""What opens and closes the Japanese parts of ISO-2022-JP, whose bytes are all ASCII's."""
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_FEW = 0.01
"""Of the letters that ASCII has not, how many may be broken in a text that is read as UTF-8 unasked."""


class Decoded(NamedTuple):
    """The text of a file, what should be said of it, and in which other encodings it could be read.

    `repair` is (name, words, place, before, after).
    """

    text: str
    warnings: tuple[str, ...] = ()
    repair: tuple[str, str, str, str, str] | None = None
    offer: Offer | None = None
    encoding: str = "utf-8"


def decode(data: bytes, name: str, encoding: str = "") -> Decoded:
    """Return the text of a file's bytes, in the encoding that a person chose if one did.

    Raises TaskError if it is empty or of another kind than text, ChoiceNeeded if its encoding can't be told.
    """
    check_size(len(data), name)
    if not data.strip(b" \t\r\n\x00\xef\xbb\xbf\xff\xfe"):
        raise TaskError(
            f"{name}: the file is empty ({len(data)} bytes). Perhaps the download was stopped; get it again.",
            field="file",
        )
    _check_kind(data, name)
    if encoding:
        return _read_as_chosen(data, check_encoding(encoding))
    marked = _marked_encoding(data)
    if marked == "utf-8-sig":
        words = "A byte-order mark before the text was left out"
        text = _decode_as(data, marked, name)
        return Decoded(text, (), ("mark", words, "byte 0", "EF BB BF", ""), encoding="utf-8-sig")
    if marked:
        words = f"The file was written in {marked.upper()}; it was read as such."
        text = _decode_as(data, marked, name).removeprefix("\ufeff")
        return Decoded(text, (words,), ("encoding", words, "the file", marked.upper(), "UTF-8"), encoding=marked)
    if len(_CONTROLS.findall(data[:4000])) > max(3, 0.02 * min(len(data), 4000)) and not re.match(rb"\s*[\[{]", data):
        raise _wrong_kind(name, "no text but a binary file", "Choose the data file.")
    try:
        return Decoded(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        return _guess(data, error, name)


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
            "split it into several files and upload them as a ZIP archive.",
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
    """The encoding that a byte-order mark tells, the zero bytes of ASCII's letters in UTF-16 and 32, or escapes."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return encoding
    if data[:4000].isascii() and _SHIFTED.search(data) and data.isascii():
        return "iso2022_jp_ext"
    if b"\x00" not in data[:8000]:
        return None
    head = data[:8000]
    for width, encodings in ((4, ("utf-32-le", "utf-32-be")), (2, ("utf-16-le", "utf-16-be"))):
        for encoding, high in zip(encodings, (width - 1, 0), strict=True):
            others = sum(head[n::width].count(0) for n in range(width) if n not in (high, abs(high - 1)))
            is_high = head[high::width].count(0) * width >= (len(head) if width == 4 else 2)
            if len(data) % width == 0 and is_high and not (others and width == 2) and _is_writing(data, encoding):
                return encoding
    return None


def _is_writing(data: bytes, encoding: str) -> bool:
    """Whether bytes make nothing but assigned letters and signs."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return False
    kinds = (unicodedata.category(letter) for letter in text[:4000] if letter not in "\t\n\r\f\v\ufeff")
    return all(kind not in ("Cn", "Co", "Cs", "Cc") for kind in kinds)


def _decode_as(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise TaskError(
            f"{name}: the file begins as {encoding.removesuffix('-sig').upper()} but byte {error.start:,} doesn't "
            "fit that. It was cut or mixed; save it again as UTF-8.",
            field="file",
        ) from None


def _read_as_chosen(data: bytes, codec: str) -> Decoded:
    """The text in the encoding that a person chose, and what of it could not be read."""
    text = data.decode(codec, "replace").removeprefix("\ufeff")
    words = f"The file was read as {name_encoding(codec)}, as you chose.{_say_unread(text, data)}"
    options = _offer_others(data, codec, text)
    return Decoded(
        text,
        (words,),
        ("encoding", words, "the file", "", ""),
        Offer(name="encoding", chosen=codec, options=options),
        codec,
    )


def _guess(data: bytes, error: UnicodeDecodeError, name: str) -> Decoded:
    """Read bytes that aren't UTF-8 in the encoding that they are surely in, or ask."""
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    whole = sum(not letter.isascii() for letter in text) - text.count("\ufffd")
    if error.reason == "unexpected end of data" and (whole or broken == 1):
        raise TaskError(
            f"{name}: the file ends in the middle of a letter (byte {error.start:,}); its end is missing. Download it "
            "again.",
            field="file",
        )
    if whole and broken <= _FEW * whole:
        words = f"The file is UTF-8 with {broken:,} broken places.{_say_unread(text, data)}"
        return Decoded(
            text, (words,), ("encoding", words, f"byte {error.start:,}", data[error.start :].hex()[:8], "\ufffd")
        )
    weighing = weigh_encodings(data)
    best = weighing.candidates[0]
    if whole > broken or not weighing.is_sure:
        found = [(one.encoding, data.decode(one.encoding, "replace")) for one in weighing.candidates]
        if whole > broken:
            found = [("utf_8", text), *found[:2]]
        raise _ask(name, found)
    text = data.decode(best.encoding, "replace")
    place = error.start
    middle = len(data[:place].decode(best.encoding, "replace"))
    piece = re.sub(r"\s+", " ", text[max(0, middle - 12) : middle + 12])
    warning = (
        f"The file is not UTF-8, so it was read as {best.title}: \u201c{piece}\u201d.{_say_unread(text, data)} Wrong "
        "letters? Then choose another encoding."
    )
    words = f"The file is not UTF-8; it was read as {best.title}"
    options = tuple(Option(value=one.encoding, title=one.title, line=one.line) for one in weighing.candidates)
    return Decoded(
        text,
        (warning,),
        ("encoding", words, f"byte {place:,}", data[place:].hex()[:8], piece),
        Offer(name="encoding", chosen=best.encoding, options=options),
        best.encoding,
    )


def _ask(name: str, found: list[tuple[str, str]]) -> ChoiceNeeded:
    options = tuple(Option(value=one.encoding, title=one.title, line=one.line) for one in show_candidates(found))
    shown = "; ".join(f"{one.title}: \u201c{one.line}\u201d ({one.value})" for one in options)
    return ChoiceNeeded(
        f"{name}: the file is not UTF-8, and its encoding is uncertain. It may be "
        f"{shown}. Choose the one whose letters are right, or save the file again as UTF-8.",
        Offer(name="encoding", chosen="", options=options),
    )


def _offer_others(data: bytes, codec: str, text: str) -> tuple[Option, ...]:
    """The chosen encoding and the likeliest others, each with a line."""
    if data.isascii():
        return ()
    others = [one.encoding for one in weigh_encodings(data).candidates if one.encoding != codec]
    found = [(codec, text), *((other, data.decode(other, "replace")) for other in others[:2])]
    return tuple(Option(value=one.encoding, title=one.title, line=one.line) for one in show_candidates(found))


def _say_unread(text: str, data: bytes) -> str:
    """How many letters are lost, and in which lines."""
    count = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    if count <= 0:
        return ""
    lines = [str(number) for number, line in enumerate(text.split("\n"), 1) if "\ufffd" in line]
    more = f" and {len(lines) - 3:,} more" if len(lines) > 3 else ""
    return f" {count:,} letters could not be read and are shown as \ufffd (line {', '.join(lines[:3])}{more})."
