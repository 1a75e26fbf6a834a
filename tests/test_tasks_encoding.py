"""Old encodings: what a file says comes out as it was written, or a person is asked with what it may say."""

import codecs
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from studio.errors import InputError, TaskError
from studio.service import Studio
from studio.service.uploaded import FileChoice, ReadingChoice, Uploaded
from studio.tasks.read_as import ChoiceNeeded, ReadAs, Reading
from studio.tasks.reading.decoding import decode
from studio.tasks.reading.encoding import check_encoding, list_encodings, weigh_encodings
from studio.tasks.reading.task_file import read_many, read_task

TEXTS = {
    "cp1250 iso8859_2 cp852 mac_latin2": [
        "Co je kot w południe?,Żółty jak słońce i śpi już tu.", "Jaki kolor ma łódź?,Myślę że jest niebieska.",
        "Kdo přišel večer domů?,Můj přítel a jeho žena.", "Jak se řekne žluťoučký kůň?,Říká se to stejně.",
        "Hol van az őszi erdő?,A hegyek között, nem messze.", "Mi a kedvenc gyümölcsöd?,A körte és a szőlő.",
    ],
    "cp1252 mac_roman cp850 iso8859_15": [
        "Où est le garçon?,Il est déjà à l'école.", "Qu'est-ce qu'une forêt?,C'est où vivent des bêtes.",
        "¿Cuántos años tiene la niña?,Tiene ocho años.", "¿Dónde está el café?,Está aquí, señor.",
        "Wie heißt das Mädchen?,Es heißt Käthe Müller.", "Was frißt der Vogel über uns?,Körner, für gewöhnlich.",
        "Hvor bor du på øya?,Jeg bor også nær sjøen.", "Não é isso?,Já são três horas da manhã.",
    ],
    "cp1251 koi8_r cp866 iso8859_5 mac_cyrillic": [
        "Какого цвета небо?,Оно синее и очень высокое.", "Кто живёт в лесу?,Там живут медведь и лиса.",
        "Сколько будет два и два?,Четыре, конечно.",
    ],
    "cp1251 koi8_u": ["Якого кольору небо?,Воно синє, як і моє пальто.", "Хто живе в лісі?,Їжак, вовк і ґава."],
    "cp1253 iso8859_7 cp737 mac_greek": ["Τι χρώμα έχει ο ουρανός;,Είναι γαλάζιος και ψηλός.",
        "Πού είσαι;,Στο σπίτι μου."],
    "cp1254 iso8859_9 cp857": ["Gökyüzü ne renk?,Gökyüzü çok mavi değil mi?",
        "Işık nereden geliyor?,Güneşten geliyor çünkü gündüz."],
    "cp1255 iso8859_8": ["מה צבע השמים?,השמים כחולים היום.", "איפה אתה גר?,אני גר בבית גדול."],
    "cp1256 iso8859_6": ["ما لون السماء؟,السماء زرقاء اليوم.", "اين تسكن؟,اسكن في بيت كبير."],
    "cp1257 iso8859_13": ["Kokios spalvos dangus?,Žydros, o vakare raudonas ir šiltas.",
        "Kas gyvena miške?,Ąžuolas, ežys ir lapė gyvena čia."],
    "cp874": ["ท้องฟ้าสีอะไร,ท้องฟ้าสีฟ้า", "คุณอยู่ที่ไหน,ฉันอยู่ที่บ้าน"],
    "cp932 euc_jp": ["空は何色ですか？,空は青いです。",
        "どこに住んでいますか？,東京に住んでいます。カメラもあります。"],
    "cp949": ["하늘은 무슨 색입니까?,하늘은 파란색입니다.",
        "어디에 살고 있습니까?,서울에 살고 있어요."],
    "gb18030": ["天空是什么颜色？,天空是蓝色的。", "你住在哪里？,我住在北京，那里很大。"],
    "cp950": ["天空是什麼顏色？,天空是藍色的。", "你住在哪裡？,我住在臺北，那裡很大。"],
}  # fmt: skip
FILES = [
    (encoding, line)
    for encodings, lines in TEXTS.items()
    for encoding in encodings.split()
    for line in (*range(0, len(lines), 3), None)
]


@pytest.mark.parametrize(("encoding", "line"), FILES)
def test_no_text_is_misread_in_silence(encoding: str, line: int | None) -> None:
    for lines in [found for names, found in TEXTS.items() if encoding in names.split() and (line or 0) < len(found)]:
        text = "question,answer\n" + "\n".join(lines if line is None else lines[line : line + 1]) + "\n"
        data = text.encode(encoding, "ignore")
        text = data.decode(encoding)
        try:
            assert decode(data, "a.csv").text == text
        except ChoiceNeeded as asked:
            options = [data.decode(one.value, "replace") for one in asked.offer.options]
            assert len(set(options)) == len(options) > 1
            assert line is not None or text in options


@pytest.mark.parametrize("encodings", TEXTS)
def test_a_page_of_text_is_read_rightly_without_asking(encodings: str) -> None:
    encoding = encodings.split()[0]
    text = "\n".join(line for names, lines in TEXTS.items() if names == encodings for line in lines * 2)
    decoded = decode(text.encode(encoding, "ignore"), "a.csv")
    assert decoded.text == text.encode(encoding, "ignore").decode(encoding)
    assert decoded.offer and decoded.offer.chosen == encoding and len(decoded.offer.options) > 1
    assert list_encodings()[encoding][0] in decoded.warnings[0] and "choose another" in decoded.warnings[0]


@pytest.mark.parametrize("text", ["naïve", "ő", "a – b¤", "¿", "\u00e6\u00f8"])
def test_a_few_letters_are_asked_for(text: str) -> None:
    data = f"question,answer\n{text},b\nc,d\n".encode("iso8859_2" if "ő" in text else "latin_1", "replace")
    assert not data.isascii()
    with pytest.raises(ChoiceNeeded) as caught:
        decode(data, "a.csv")
    assert caught.value.field == "encoding" and caught.value.offer.name == "encoding"
    lines = [one.line for one in caught.value.offer.options]
    assert len(set(lines)) == len(lines) == 3  # each shows the letters in question
    assert all(one.value in str(caught.value) for one in caught.value.offer.options)


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "iso2022_jp"],
)
@pytest.mark.parametrize("text", ["question,answer\nどこ？,東京です\n", "question,answer\r\nwhere?,here\r\n"])
def test_encodings_that_tell_themselves(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding), "a.csv").text == text


def test_broken_places_in_utf_8_are_told_or_asked_for() -> None:
    many = "één, twee, drieëntwintig\n" * 60
    decoded = decode(many.encode() + b"caf\xe9, na\n", "a.csv")
    assert decoded.text == many + "caf\ufffd, na\n"
    assert "1 broken place" in decoded.warnings[0] and "line 61" in decoded.warnings[0]
    with pytest.raises(ChoiceNeeded) as caught:
        decode("één, twee\n".encode() * 3 + b"caf\xe9, na\n", "a.csv")
    assert caught.value.offer.options[0].value == "utf_8"
    with pytest.raises(TaskError) as cut:
        decode("één, twee\ncafé".encode()[:-1], "a.csv")
    assert cut.value.field == "file"


def test_a_person_may_choose(tmp_path: Path) -> None:
    data = "question,answer\nnaïve?,ja\nwho?,me\n".encode("cp1252")
    reading = read_task(data, "a.csv", read_as=ReadAs(encoding="windows-1250"))
    assert reading.task.instances[0].input == "naďve?"
    assert reading.offers[0].chosen == "cp1250" and "as you chose" in reading.warnings[0]
    with pytest.raises(InputError) as wrong:
        read_task(data, "a.csv", read_as=ReadAs(encoding="klingon"))
    assert wrong.value.field == "encoding" and "klingon" in str(wrong.value)


@pytest.mark.parametrize("name", ["rot13", "base64", "hex", "idna", "", "\x00", "undefined"])
def test_what_is_no_encoding_of_text_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        check_encoding(name)


def test_every_encoding_of_the_list_is_one_of_python() -> None:
    assert all(codecs.lookup(name) and check_encoding(name) == name for name in list_encodings())


def test_the_desk_asks_and_takes_the_choice(workspace: Any, tmp_path: Path) -> None:
    studio = Studio(workspace)
    path = tmp_path / "small.csv"
    path.write_bytes("question,answer\nWas ist naïv?,nicht klug\nWer?,er\n".encode("cp1252"))
    with pytest.raises(ChoiceNeeded):
        studio.import_task(path, path.name)
    asked = studio.data.upload(path, path.name)
    assert isinstance(asked, ReadingChoice) and len(asked.offer.options) == 3
    found = studio.data.choose_reading(asked.file_id, encoding="cp1252")
    assert isinstance(found, Uploaded)
    assert studio.load_task("small").instances[0].input == "Was ist naïv?"
    again = studio.data.choose_reading(found.file_id, encoding="cp1250")
    assert isinstance(again, Uploaded) and again.reading.task.instances[0].input == "Was ist naďv?"
    assert studio.import_task(path, path.name, encoding="latin-1").task.instances[0].input == "Was ist naïv?"


def test_the_encoding_stays_chosen_while_columns_are(workspace: Any, tmp_path: Path) -> None:
    studio = Studio(workspace)
    path = tmp_path / "odd.csv"
    path.write_bytes("was,wie\nnaïv eins zwei,gut\ndrei vier fünf,böse\n".encode("mac_roman"))
    asked = studio.data.upload(path, path.name, encoding="mac_roman")
    assert isinstance(asked, FileChoice) and asked.preview.rows[0]["was"] == "naïv eins zwei"
    found = studio.data.choose_columns(asked.file_id, {"input": ["was"], "output": ["wie"]})
    assert isinstance(found, Uploaded) and found.reading.task.instances[1].output == ("böse",)
    other = studio.data.choose_reading(found.file_id, encoding="cp1252")
    assert isinstance(other, Uploaded) and other.reading.task.instances[1].output != ("böse",)


def test_a_json_file_in_an_old_encoding() -> None:
    rows = [{"question": "Jaki kolor ma żółta łódź?", "answer": "Żółty jak słońce"}] * 4
    reading = read_task(json.dumps(rows, ensure_ascii=False).encode("cp1250"), "a.json")
    assert reading.task.instances[0].output == ("Żółty jak słońce",)


def test_what_is_weighed_is_bounded() -> None:
    line = "Żółta łódź płynie, gdzie słońce śpi. ".encode("cp1250")
    assert weigh_encodings(line * 200_000).is_sure


def test_of_an_archives_files_only_those_that_can_not_be_told_need_an_encoding(tmp_path: Path) -> None:
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("in/old.csv", "question,answer\nWas ist naïv?,ja\n".encode("cp1252"))
        archive.writestr("in/new.csv", "question,answer\nWas ist naïv?,nein\n".encode())
    refused, plain = (found for _, found in sorted(read_many(path, "two.zip"), reverse=True))
    assert isinstance(refused, ChoiceNeeded | TaskError) and refused.field == "encoding"
    assert "old.csv" in str(refused) and isinstance(plain, Reading)
    chosen = dict(read_many(path, "two.zip", ReadAs(encoding="cp1250")))
    inputs = [one.task.instances[0].input for one in chosen.values() if isinstance(one, Reading)]
    assert sorted(inputs) == ["Was ist naïv?", "Was ist naďv?"]
