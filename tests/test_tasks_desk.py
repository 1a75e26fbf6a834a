"""The desk of tasks: files are imported or asked about, checked and repaired; tokens are those of the trainer."""

import csv
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from telling import raises, tells
from tiny import import_task, write_task

from studio.errors import InputError, NotFoundError, TaskError
from studio.objectives.card import list_fitting
from studio.service import Studio
from studio.service.uploaded import FileChoice, Uploaded
from studio.tasks.library.held import MOST_FILES
from studio.tasks.library.library import CollectionCard
from studio.tasks.task import Task

ODD = ["Kommentar", "v1", "v2"]
ROLES = {"input": ["v1"], "output": ["v2"]}
SAMPLE = "studio002_question"


@pytest.fixture
def studio(workspace: Any) -> Studio:
    return Studio(workspace)


def write_csv(path: Path, rows: int = 40, columns: list[str] = ODD, hole: int | None = None) -> Path:
    """A table of sums whose columns nobody can guess; row `hole` has no answer."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for number in range(rows):
            writer.writerow([f"remark {number}", f"What is {number} + 1?", "" if number == hole else str(number + 1)])
    return path


def upload(studio: Studio, path: Path) -> Any:
    return studio.data.upload(path, path.name)


# ---- importing


def test_odd_columns_are_asked_for_once(studio: Studio, tmp_path: Path) -> None:
    choice = upload(studio, write_csv(tmp_path / "sums.csv"))
    assert isinstance(choice, FileChoice)
    assert (choice.preview.columns, choice.total, choice.kept) == (tuple(ODD), 40, 0)
    assert choice.preview.rows[0]["v1"] == "What is 0 + 1?"
    uploaded = studio.data.choose_columns(choice.file_id, ROLES)
    assert isinstance(uploaded, Uploaded)
    assert uploaded.reading.task.instances[3].output == ("4",)
    assert uploaded.reading.task.origin.mapping.to_json() == ROLES
    assert studio.load_task("sums").version == uploaded.reading.task.version
    again = upload(studio, write_csv(tmp_path / "more sums.csv", 50))
    assert isinstance(again, Uploaded) and "as you chose" in again.reading.warnings[0]
    asked = studio.data.look_again(again.file_id)
    assert asked.mapping and asked.mapping.to_json() == ROLES
    other = studio.data.choose_columns(again.file_id, {"input": ["v2"], "output": ["v1"]})
    assert other.reading.task.instances[0].input == "1"
    third = upload(studio, write_csv(tmp_path / "third.csv"))
    assert third.reading.task.instances[0].input == "1", "the last choice counts"


@pytest.mark.parametrize(
    ("roles", "field"),
    [
        ({"input": ["v1"]}, "mapping.output"),
        ({}, "mapping.output"),
        ({"input": ["v1"], "output": ["gone"]}, "mapping.output"),
        ({"messages": ["v1", "v2"]}, "mapping.messages"),
        ({"rejected": ["v1"], "text": ["v2"]}, "mapping"),
        ({"nonsense": ["v1"]}, "mapping"),
        ("v1", "mapping"),
        ({"output": {"v1": 1}}, "mapping"),
    ],
)
def test_a_wrong_choice_is_said_at_its_field(studio: Studio, tmp_path: Path, roles: Any, field: str) -> None:
    choice = upload(studio, write_csv(tmp_path / "sums.csv"))
    with pytest.raises(TaskError) as refused:
        studio.data.choose_columns(choice.file_id, roles)
    assert refused.value.field == field
    assert isinstance(studio.data.choose_columns(choice.file_id, ROLES), Uploaded), "the file still waits"


def test_rows_with_a_fault_are_left_out_only_when_asked(studio: Studio, tmp_path: Path) -> None:
    choice = upload(studio, write_csv(tmp_path / "sums.csv", hole=7))
    asked = studio.data.choose_columns(choice.file_id, ROLES)
    assert isinstance(asked, FileChoice) and (asked.kept, asked.total) == (39, 40)
    assert "line 9" in asked.words and not [card for card in studio.list_tasks() if card.source == "yours"]
    roles = asked.mapping.to_json()
    uploaded = studio.data.choose_columns(asked.file_id, roles, leave_out=True, definition=" Add one. ")
    assert len(uploaded.reading.task.instances) == 39 and uploaded.reading.task.definition == "Add one."
    assert uploaded.reading.repairs[0].changes[0].place == "line 9"


def test_known_columns_with_a_fault_are_asked_about_too(studio: Studio, tmp_path: Path) -> None:
    asked = upload(studio, write_csv(tmp_path / "sums.csv", columns=["id", "input", "output"], hole=2))
    assert isinstance(asked, FileChoice) and asked.kept == 39


def test_what_no_choice_can_mend_is_refused(studio: Studio, tmp_path: Path) -> None:
    for name, text in (("a.json", "{"), ("b.csv", ""), ("c.json", '{"Definition": ["Do."], "Instances": []}')):
        (tmp_path / name).write_text(text)
        with pytest.raises(TaskError):
            upload(studio, tmp_path / name)
    with pytest.raises(NotFoundError):
        studio.data.choose_columns("../../tasks", ROLES)


def test_only_the_newest_files_wait(studio: Studio, tmp_path: Path) -> None:
    first, *rest = [upload(studio, write_csv(tmp_path / f"{n}.csv")) for n in range(MOST_FILES + 1)]
    with raises(NotFoundError):
        studio.data.look_again(first.file_id)
    assert [studio.data.look_again(choice.file_id).name for choice in rest] == [
        f"{n + 1}.csv" for n in range(MOST_FILES)
    ]


def write_zip(path: Path, count: int = 3) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            archive.writestr(f"tasks/task{number:03}_sums.json", json.dumps(write_task(30 + number)))
        archive.writestr("tasks/broken.json", "{")
    return path


def test_an_archive_is_a_collection_and_gives_a_task(studio: Studio, tmp_path: Path) -> None:
    card = upload(studio, write_zip(tmp_path / "many.zip"))
    assert card == CollectionCard(collection_id="many", tasks=3, instances=93, refused=1)
    assert studio.data.list_collections() == [card]
    taken = studio.data.take_task("many", "task001_sums").task
    assert studio.load_task("task001_sums").version == taken.version and len(taken.instances) == 31


def test_a_folder_of_this_computer(studio: Studio, workspace: Any, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "task1_a.json").write_text(json.dumps(write_task()))
    assert studio.data.fetch_from(f" {tmp_path / 'folder'} ").tasks == 1
    shared = Studio(workspace, local_folders=False, shared=True).seen_by("a" * 32)
    for path in (str(tmp_path / "folder"), "assets/tasks", "."):
        with pytest.raises(TaskError, match="shared"):
            shared.data.fetch_from(path)


@pytest.mark.parametrize(
    "ref", ["", "no such/thing!", "someone/something", "/no/such/folder", "~nobody-here", "\x00", "a" * 9999]
)
def test_a_dataset_that_cannot_be_fetched_is_said_in_words(studio: Studio, ref: str) -> None:
    with pytest.raises(TaskError) as refused:
        studio.data.fetch_from(ref)
    assert refused.value.field == "dataset" and len(str(refused.value)) < 600
    with pytest.raises(InputError, match="rows are fetched"):
        studio.data.fetch_from("someone/something", most=0)


def test_rows_of_a_dataset_are_read_like_a_file(studio: Studio, tmp_path: Path) -> None:
    from studio.tasks.library.held import Held
    from studio.tasks.reading.hub_dataset import fetch_rows, write_rows

    write_csv(tmp_path / "train.csv")
    write_rows(fetch_rows(str(tmp_path), most=30), tmp_path / "rows.json")
    choice = studio.data._read(Held(tmp_path / "rows.json", "sums.json", "someone/sums"))
    uploaded = studio.data.choose_columns(choice.file_id, ROLES)
    assert len(uploaded.reading.task.instances) == 30
    assert studio.load_task("sums").source == ("someone/sums",)


# ---- checking and fixing


def import_dirty(studio: Studio) -> dict[str, Any]:
    rows = [{"id": f"task9-{n}", "input": f" in {n} ", "output": ["yes" if n % 2 else "no"]} for n in range(60)]
    rows += [{"id": f"task9-x{n}", "input": f"in {n}", "output": ["yes" if n % 2 else "no"]} for n in range(3)]
    return {"task_id": import_task(studio.workspace, "task9_dirty", Instances=rows)}


def test_a_sample_is_clean_and_says_so(studio: Studio) -> None:
    for card in studio.list_tasks():
        checked = studio.data.check({"task_id": card.task_id, "objective": list_fitting(card.kind)[0]})
        assert not [finding.name for finding in checked.report.findings if finding.severity == "problem"], card.task_id
        assert checked.report.lengths and checked.report.lengths.too_long == ()


def test_a_finding_is_mended_as_a_new_version(studio: Studio) -> None:
    recipe = import_dirty(studio)
    checked = studio.data.check(recipe)
    twins = checked.report.find("duplicates")
    assert twins and twins.numbers == (60, 61, 62) == studio.data.find_instances(recipe, "duplicates")
    shown = studio.data.preview_fix(recipe, finding="duplicates")
    assert shown.words == "Instances: 3 deleted." and len(shown.changes) == 3 and shown.changes[0][2] == ""
    before = studio.load_task(recipe["task_id"])
    after = studio.data.fix(recipe, finding="duplicates")
    assert len(after.instances) == 60 and studio.load_task(recipe["task_id"]).version == after.version != before.version
    assert studio.load_task(recipe["task_id"], before.version) == before, "the version before is kept"
    assert studio.data.check(recipe).report.find("duplicates") is None
    with pytest.raises(NotFoundError, match="any more"):
        studio.data.fix(recipe, finding="duplicates")


def test_a_repair_is_shown_first_and_done_once(studio: Studio) -> None:
    recipe = import_dirty(studio)
    offer = next(offer for offer in studio.data.check(recipe).offers if offer.name == "blanks")
    shown = studio.data.preview_fix(recipe, repair="blanks")
    assert shown.changes[0] == (offer.changes[0].place, " in 0 ", "in 0")
    version = studio.load_task(recipe["task_id"]).version
    assert studio.load_task(recipe["task_id"]).version == version, "looking changes nothing"
    assert studio.data.fix(recipe, repair="blanks").instances[0].input == "in 0"
    with pytest.raises(InputError, match="changes nothing"):
        studio.data.fix(recipe, repair="blanks")
    with raises(NotFoundError, "repair"):
        studio.data.fix(recipe, repair="nonsense")


def test_a_sample_is_mended_in_a_copy(studio: Studio) -> None:
    recipe = {"task_id": SAMPLE}
    sample = studio.load_task(SAMPLE)
    copy = studio.data.choose_split(recipe, "stratified")
    assert copy.task_id == f"{SAMPLE}_yours" and copy.split == "stratified"
    assert studio.load_task(SAMPLE) == sample and studio.load_task(copy.task_id).split == "stratified"
    with raises(InputError, "copy"):
        studio.data.choose_split(recipe, "official")
    assert studio.data.choose_split({"task_id": copy.task_id}, "official").split == "official"


def test_every_rule_of_splitting_is_shown(studio: Studio) -> None:
    found = studio.data.preview_splits({"task_id": SAMPLE})
    task = studio.load_task(SAMPLE)
    assert list(found) == ["hash", "stratified", "official"]
    assert all(sum(map(len, split)) == len(task.instances) for split in found.values() if not isinstance(split, str))
    assert [one.id for one in found["official"].test[:100]] == [one.id for one in task.instances[:100]]
    rows = [{"input": text, "output": ["yes"]} for text in ("a", "b", "c", "c")]
    small = import_task(studio.workspace, "small", Instances=rows)
    assert "Choose another rule" in found_words(studio, small)
    with raises(InputError, "rule"):
        studio.data.choose_split({"task_id": SAMPLE}, "nonsense")


def found_words(studio: Studio, task_id: str) -> str:
    return str(studio.data.preview_splits({"task_id": task_id})["official"])


def test_a_task_of_the_usual_size_is_checked_in_seconds(studio: Studio) -> None:
    rows = [
        {
            "input": f"Context: {n} people met in {n % 97} towns. Question: how many towns were there?",
            "output": [str(n % 97)],
        }
        for n in range(6_500)
    ]
    recipe = {"task_id": import_task(studio.workspace, "large", Instances=rows)}
    began = time.process_time()
    assert studio.data.check(recipe).report.lengths
    assert time.process_time() - began < 20
    again = time.process_time()
    studio.data.check(recipe)
    assert time.process_time() - again < 0.5, "it is worked out once"


def test_a_model_that_is_not_there_leaves_the_rest_of_the_report(studio: Studio) -> None:
    checked = studio.data.check({"task_id": SAMPLE, "model": "/no/such/folder"})
    assert tells(checked.trouble, "folder") and checked.report.lengths is None and checked.report.enough


# ---- seeing


def train_rows(studio: Studio, recipe: dict[str, Any]) -> tuple[Task, dict[str, list[int]], Any]:
    """What the trainer would get: each instance's labels as they are in a batch, without the padding."""
    from studio.models.facts import find_config_folder
    from studio.models.loading import load_tokenizer
    from studio.objectives.objective import list_rows
    from studio.tasks.mixture import Examples, Mixed
    from studio.training.batch import Batcher
    from studio.training.prepared import encode_examples

    read = studio.read_recipe(recipe)
    task, tokenizer = studio.load_task(read.task_id), load_tokenizer(find_config_folder(read.base))
    examples = Examples([Mixed(task, one) for one in task.instances], [])
    prepared = encode_examples(examples, read.objective, tokenizer, read.training.max_length)
    batches = [Batcher(tokenizer.pad_token_id)([row._asdict()]) for row in list_rows(prepared.train)]
    return (
        task,
        {"labels": [b["labels"][0].tolist() for b in batches], "ids": [b["input_ids"][0].tolist() for b in batches]},
        prepared,
    )


@pytest.mark.parametrize(
    "objective",
    [
        {"name": "sft"},
        {"name": "sft", "positive_examples": 2},
        {"name": "sft", "template": "tk_instruct", "positive_examples": 2, "negative_examples": 1},
    ],
)
@pytest.mark.parametrize("model", ["builtin", "tiny"])
def test_what_is_shown_is_what_is_trained_on(
    studio: Studio, tiny_model: Path, objective: dict[str, Any], model: str
) -> None:
    import_task(studio.workspace, count=12)
    ref = model if model == "builtin" else str(tiny_model)
    recipe = {"task_id": "tiny_sums", "model": ref, "objective": objective, "training": {"max_length": 512}}
    task, rows, _ = train_rows(studio, recipe)
    for place in range(12):
        instance, sight = studio.data.see(recipe, place)
        assert instance == task.instances[place]
        assert [piece.token for piece in sight.pieces] == rows["ids"][place]
        assert [piece.token if piece.learnt else -100 for piece in sight.pieces] == rows["labels"][place]
        assert (sight.total, sight.skipped, sight.rest) == (len(sight.pieces), 0, [])
        assert sight.learnt == sum(label != -100 for label in rows["labels"][place])
        text = "".join(piece.text for piece in sight.pieces if not piece.special)
        assert text.strip() == (sight.prompt + ("" if sight.prompt.endswith(" ") else " ") + instance.output[0]).strip()


@pytest.mark.parametrize("model", ["builtin", "tiny"])
def test_letters_of_several_tokens_are_whole(studio: Studio, tiny_model: Path, model: str) -> None:
    text = "Caf\u00e9 \U0001f600 \u202eabc\u202c \u4f60\u597d!"
    rows = [{"input": f"{n} {text}", "output": [text]} for n in range(5)]
    recipe = {"task_id": import_task(studio.workspace, Instances=rows)}
    _, sight = studio.data.see({**recipe, **({"model": str(tiny_model)} if model == "tiny" else {})}, 1)
    assert "".join(piece.text for piece in sight.pieces if piece.learnt and not piece.special) == f" {text}"
    assert "".join(piece.text for piece in sight.pieces if not piece.learnt and not piece.special) == sight.prompt
    assert "" in [piece.text for piece in sight.pieces]


def test_the_chat_encoding_is_shown_as_it_is_trained(studio: Studio, tmp_path: Path, tiny_model: Path) -> None:
    import shutil

    folder = tmp_path / "chatty"
    shutil.copytree(tiny_model, folder)
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    import_task(studio.workspace, count=5)
    recipe = {"task_id": "tiny_sums", "model": str(folder), "objective": {"name": "sft", "template": "chat"}}
    _, rows, _ = train_rows(studio, recipe)
    _, sight = studio.data.see(recipe, 4)
    assert [piece.token if piece.learnt else -100 for piece in sight.pieces] == rows["labels"][4]
    assert "".join(piece.text for piece in sight.pieces if piece.learnt) == "8</assistant></s>"


def test_an_instance_that_training_leaves_out_says_so(studio: Studio) -> None:
    rows = [{"input": f"{n} " + "word " * (400 if n == 3 else 4), "output": ["yes"]} for n in range(9)]
    recipe = {
        "task_id": import_task(studio.workspace, Instances=rows),
        "training": {"max_length": 64},
    }
    _, _, prepared = train_rows(studio, recipe)
    fits = [studio.data.see(recipe, place)[1].fits for place in range(9)]
    assert (fits.count(False), fits[3], prepared.left_out) == (1, False, 1)
    report = studio.data.check(recipe).report
    assert report.lengths and report.lengths.too_long == (3,) and report.lengths.limit == 64
    finding = report.find("too long")
    assert finding and finding.severity == "warning"
    assert tells(finding.words, "64")
    longest = report.lengths.longest
    assert tells(finding.words, f"{longest}")
    with raises(NotFoundError, "10"):
        studio.data.see(recipe, 9)


def test_what_is_longer_than_the_model_reads_says_what_would_help(studio: Studio) -> None:
    rows = [{"input": "word " * 1_200, "output": ["yes"]}] * 9
    recipe: dict[str, Any] = {
        "task_id": import_task(studio.workspace, Instances=rows),
        "method": {"name": "prefix", "tokens": 20},
        "training": {"max_length": 2_000},
    }
    finding = studio.data.check(recipe).report.find("too long")
    assert finding and finding.severity == "problem"
    assert tells(finding.words, "1,004 20")
    assert finding.fix == "", "leaving them out would leave nothing"
    finding = studio.data.check({**recipe, "training": {}}).report.find("too long")
    assert finding and tells(finding.words, "1,004")


def test_the_middle_of_a_very_long_instance_is_left_out(studio: Studio) -> None:
    recipe = {"task_id": import_task(studio.workspace, Instances=[{"input": "a b " * 9_000, "output": ["yes"]}] * 3)}
    _, sight = studio.data.see(recipe, 0)
    assert len(sight.pieces) + sight.skipped + len(sight.rest) == sight.total and len(sight.pieces) < 2_000
    assert sight.rest[-1].learnt and not sight.fits


def test_a_recipe_whose_method_is_wrong_can_still_be_looked_at(studio: Studio) -> None:
    recipe = {"task_id": SAMPLE, "method": {"name": "lora", "rank": 0}, "training": {"max_steps": -1}}
    assert studio.data.check(recipe).report.lengths and studio.data.see(recipe, 0)


# ---- a shared studio


def test_what_one_visitor_uploads_is_theirs(workspace: Any, tmp_path: Path) -> None:
    shared = Studio(workspace, local_folders=False, shared=True)
    anna, ben, nobody = shared.seen_by("anna" * 8).data, shared.seen_by("ben_" * 8).data, shared.data
    path = write_csv(tmp_path / "sums.csv")
    choice = anna.upload(path, "sums.csv")
    with pytest.raises(NotFoundError):
        ben.choose_columns(choice.file_id, ROLES)
    task = anna.choose_columns(choice.file_id, ROLES).reading.task
    assert isinstance(ben.upload(path, "sums.csv"), FileChoice), "Anna's choice is hers"
    anna.upload(write_zip(tmp_path / "many.zip"), "many.zip")
    assert (
        len(anna.list_collections()) == 1 and ben.list_collections() == [] == Studio(workspace).data.list_collections()
    )
    Studio(workspace).data.upload(tmp_path / "many.zip", "before.zip")
    assert nobody.list_collections() == [], "what was here before the studio was shared is nobody's"
    for act in (ben.open_collection, ben.delete_collection):
        with raises(NotFoundError, "many"):
            act("many")
    with raises(NotFoundError, "task"):
        ben.check({"task_id": task.task_id})
    copies = [one.choose_split({"task_id": SAMPLE}, "stratified").task_id for one in (anna, ben)]
    assert len(set(copies)) == 2
    with raises(NotFoundError, "task"):
        ben.fix({"task_id": copies[0]}, repair="blanks")
    for act in (
        lambda: nobody.upload(path, "sums.csv"),
        lambda: nobody.delete_collection("many"),
        lambda: nobody.choose_split({"task_id": SAMPLE}, "official"),
    ):
        with raises(InputError):
            act()


# ---- the column mapping, tried before it is used


def test_a_mapping_is_tried_on_the_first_rows(studio: Studio, tmp_path: Path) -> None:
    choice = upload(studio, write_csv(tmp_path / "sums.csv", hole=1))
    trial = studio.data.try_columns(choice.file_id, ROLES, "Add one.")
    assert trial.unused == ("Kommentar",)
    first, second, third = trial.rows
    assert [(turn.who, turn.learnt) for turn in first.turns] == [("input", False), ("assistant", True)]
    assert first.turns[0].text == "Add one.\n\nWhat is 0 + 1?" and first.turns[1].text == "1"
    assert "blank" in second.fault and not second.turns and third.turns[1].text == "3"
    with pytest.raises(TaskError) as caught:
        studio.data.try_columns(choice.file_id, {"input": ["v1"], "output": ["gone"]})
    assert caught.value.field == "mapping.output"


def test_a_tried_chat_shows_its_turns_and_what_counts(studio: Studio, tmp_path: Path) -> None:
    turns = [("user", "Hi", 1), ("assistant", "No.", 0), ("user", "And?", 1), ("assistant", "Yes.", 1)]
    messages = [{"role": role, "content": text, "weight": weight} for role, text, weight in turns]
    path = tmp_path / "chat.json"
    path.write_text(json.dumps([{"persona": "He is a kind man.", "messages": messages}] * 2))
    choice = upload(studio, path)
    trial = studio.data.try_columns(choice.file_id, choice.mapping.to_json())
    assert [turn.who for turn in trial.rows[0].turns] == ["system", "user", "assistant", "user", "assistant"]
    assert [turn.text for turn in trial.rows[0].turns if turn.learnt] == ["Yes."]


def test_labels_propose_an_instruction(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "kunden.csv"
    path.write_text("nr,was,art\n" + "".join(f"{n},Wo ist es {n}?,{'ab'[n % 2]}\n" for n in range(20)))
    choice = upload(studio, path)
    assert (choice.definition, choice.mapping.to_json()) == (
        "Answer with one of: a, b.",
        {"input": ["was"], "output": ["art"]},
    )


def write_texts(folder: Path, **files: str) -> tuple[Path, Path]:
    """A folder of files below one another, and an archive of the same."""
    packed = folder.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            path = folder / name.replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            archive.write(path, path.relative_to(folder.parent))
    return folder, packed


LAW = "Who sings in the kitchen owes two spoons.\n\nWho hums there owes one."


def test_a_folder_or_archive_of_texts_is_one_text(studio: Studio, tmp_path: Path) -> None:
    folder, packed = write_texts(tmp_path / "laws", one_txt=LAW, two_md=f"# Laws of Vell\n\n{LAW}", three_txt=LAW)
    for found in (studio.data.upload(packed, "laws.zip"), studio.data.fetch_from(str(folder))):
        assert isinstance(found, Uploaded)
        task = found.reading.task
        assert (task.kind, len(task.instances)) == ("text", 7) and tells(" ".join(found.reading.warnings), "3 texts")
    _, notes = write_texts(tmp_path / "notes", one_md=LAW, two_md=LAW)
    assert isinstance(studio.data.upload(notes, "notes.zip"), Uploaded)


def test_a_folder_in_which_one_text_is_a_table_is_a_collection(studio: Studio, tmp_path: Path) -> None:
    folder, packed = write_texts(tmp_path / "both", one_txt=LAW, two_txt=json.dumps(write_task()), read_md=LAW)
    for found in (studio.data.upload(packed, "both.zip"), studio.data.fetch_from(str(folder))):
        assert isinstance(found, CollectionCard) and found.tasks == 2


def test_a_text_among_others_that_can_not_be_read_is_named(studio: Studio, tmp_path: Path) -> None:
    folder, _ = write_texts(tmp_path / "odd", one_txt=LAW, two_txt=LAW)
    (folder / "zwei.txt").write_bytes(b"\xff\xfe\x00\xd8 and a half")
    with raises(TaskError, "zwei.txt"):
        studio.data.fetch_from(str(folder))
