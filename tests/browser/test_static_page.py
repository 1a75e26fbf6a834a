"""A model that was taken away as a page: opened from the disk, with the network off, it writes what the studio does."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from tiny import import_task, train, write_recipe

from studio.checkpoints.address import resolve
from studio.exporting.form import Source
from studio.exporting.page import describe_words
from studio.launchers.inline import InlineLauncher
from studio.models.device import find_device
from studio.models.loading import find_model_folder, load_tokenizer
from studio.models.reference import BUILTIN, ModelRef
from studio.service import Studio
from studio.workspace import Workspace

TEXTS = (
    "1234 and 5.6!", "  two  blanks ", "a\n\nb\t c", "naïve café 😀 日本", "it's we're I'LL", "½ ² Ⅷ",
    " \u00a0\u3000 end ", "<|user|>hi<|end|>", "constructor toString", "",
)  # fmt: skip


@pytest.mark.long
def test_a_page_answers_offline_as_the_studio_does(browser: Browser, tmp_path: Path, workspace: Any) -> None:
    import_task(workspace)
    gently = {"max_steps": 2, "save_every": 0, "evaluate_every": 0, "learning_rate": 0.001}
    run = train(workspace, write_recipe(BUILTIN, training=gently))
    studio = Studio(Workspace(workspace.folder), InlineLauncher())
    address = f"run:{run.run_id}@2"
    with zipfile.ZipFile(studio.exports.export(address, "page", {"numbers": "f32"})) as archive:
        archive.extractall(tmp_path)
    (file,) = tmp_path.rglob("index.html")
    context = browser.new_context(offline=True)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(file.as_uri())
    for count, prompt in enumerate(("Maria walks home.", "17 + 5"), start=1):
        page.locator("#prompt").fill(prompt)
        page.locator("#ask button").click()
        expect(page.locator("body")).to_have_attribute("data-answers", str(count))
        wanted = studio.ask(run.run_id, prompt, step=2, max_tokens=256).tuned.strip()
        assert wanted and page.locator("#answer").text_content() == wanted
    base = ModelRef(ref=BUILTIN)
    tokenizer = load_tokenizer(find_model_folder(base))
    words = describe_words(Source(workspace, resolve(workspace, base), find_device()), tokenizer)
    script = "([words, texts]) => texts.map((text) => new Tokenizer(words).encode(text))"
    assert page.evaluate(script, [words, list(TEXTS)]) == [tokenizer(text)["input_ids"] for text in TEXTS]
    context.close()
    assert problems == []
