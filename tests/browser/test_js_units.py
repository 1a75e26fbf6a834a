"""The logic of the page's modules, in Chromium and without a server: numbers, addresses, patches, signals, the feed.

One blank page serves all: its scripts are answered from the packages, under the address that the studio gives them.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, Page, Route

from studio.estimates.counting import SAVED_BYTES, count, count_per_rank, count_saved
from studio.methods import METHODS
from studio.models.reference import BUILTIN_FOLDER
from studio.ui.frame.bundle import BUNDLE
from studio.ui.frame.draft import new_draft, read_address, write_query
from studio.ui.frame.scripts import read_files, write_address
from studio.ui.frame.step import STEPS, describe_page
from studio.ui.frame.words import duration, number, percent, size, total_number

HOME = "http://studio.test/"
RANKS = range(1, 257)
Call = Callable[..., Any]
RECIPE = {"model": "builtin", "task_id": "a&b=ü €", "method": {"name": "lora", "rank": 8}, "training": {"steps": 3}}


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Iterator[Page]:
    """A blank page of a studio that is only its files."""

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(HOME)
        name = path.split("/", 2)[2] if path.startswith("studio/") else ""
        if name:
            route.fulfill(body=read_files().texts[name], content_type="text/javascript")
        else:
            page = json.dumps(describe_page())
            route.fulfill(
                body=f'<!doctype html><script type="application/json" id="studio-page">{page}</script>',
                content_type="text/html; charset=utf-8",
            )

    context = browser.new_context()
    context.route("**/*", answer)
    page = context.new_page()
    page.goto(HOME)
    yield page
    context.close()


@pytest.fixture
def call(blank: Page) -> Call:
    """Call what a module exports: call("frame/words.js", "saySize", 1000)."""

    def use(module: str, name: str, *given: Any) -> Any:
        script = "async ([module, name, given]) => (await import(module))[name](...given)"
        return blank.evaluate(script, [f"/{write_address(module)}", name, list(given)])

    return use


def test_every_module_loads(blank: Page) -> None:
    failed = []
    for name in read_files().texts:
        if name.endswith(".js"):
            address = f"/{write_address(name)}"
            said = blank.evaluate("(it) => import(it).then(() => '', (error) => String(error))", address)
            failed += [f"{name}: {said}"] if said else []
    assert not failed


def test_the_bundle_exports_what_each_module_does(blank: Page) -> None:
    names = [name for name in read_files().texts if name.endswith(".js") and name != BUNDLE]
    script = """async ([bundle, names, addresses]) => {
      const { modules } = await import(bundle);
      const own = await Promise.all(addresses.map(async (address) => Object.keys(await import(address)).sort()));
      return names.map((name, at) => [own[at], Object.keys(modules[name]).sort()]);
    }"""
    given = [f"/{write_address(BUNDLE)}", names, [f"/{write_address(name)}" for name in names]]
    found = dict(zip(names, blank.evaluate(script, given), strict=True))
    assert not {name: pair for name, pair in found.items() if pair[0] != pair[1]}
    assert found["frame/words.js"][0]


@pytest.mark.parametrize(
    "bytes_", [0, 1, 949, 950, 1000, 9949, 94_999, 950_000, 1e6, 9.96e6, 3.1e8, 9.5e8, 2.25e9, 1.05e10, 2.3e10]
)
def test_a_size_is_said_as_python_says_it(call: Call, bytes_: float) -> None:
    assert call("frame/words.js", "saySize", bytes_) == size(int(bytes_))


@pytest.mark.parametrize("seconds", [0, 0.9, 1, 39.6, 89.4, 90.2, 150, 2.5, 3599, 5399, 5400, 5401, 86400])
def test_a_duration_is_said_as_python_says_it(call: Call, seconds: float) -> None:
    assert call("frame/words.js", "sayDuration", seconds) == duration(seconds)


@pytest.mark.parametrize("count", [0, 7, 999, 1000, 224_256, 10**9])
def test_a_number_is_said_as_python_says_it(call: Call, count: int) -> None:
    assert call("frame/words.js", "sayNumber", count) == number(count)


@pytest.mark.parametrize(
    ("base", "total"), [(5_508_608, 5_732_864), (8_030_261_248, 8_051_232_768), (5e6, 105e6), (900, 1300), (7, 7)]
)
def test_a_sum_and_its_share_are_said_as_python_says_them(call: Call, base: float, total: float) -> None:
    assert call("frame/words.js", "sayTotal", base, total) == total_number(int(base), int(total))
    for share in (100 * (total - base) / total, 0.02, 0.25, 99.95, 0.0995):
        assert call("frame/words.js", "sayPercent", share) == percent(share)


def test_the_count_of_another_rank_is_told_of_the_same_recipe_alone(call: Call) -> None:
    recipe = {"model": "builtin", "method": {"name": "lora", "rank": 8}}
    told = {
        "recipe": recipe,
        "each": {"trainable": 28_032, "saved_bytes": 112_128},
        "trainable": 224_256,
        "base": 5_508_608,
        "total": 5_732_864,
        "saved_bytes": 897_024,
    }
    found = call("steps/method/numbers.js", "tell", told, {"method": {"rank": 9, "name": "lora"}, "model": "builtin"})
    assert (found["trainable"], found["total"], found["size"]) == ("252,288", "5.5 M + 0.3 M", "1.0 MB")
    for other in ({"targets": "q_proj"}, {"rank": 0}, {"rank": "9"}, {"rank": 257}):
        now = {**recipe, "method": {**recipe["method"], **other}}
        assert call("steps/method/numbers.js", "tell", told, now) is None


def test_at_every_rank_the_browser_says_what_the_server_says(blank: Page) -> None:
    methods = {rank: METHODS.read({"name": "lora", "rank": rank}) for rank in RANKS}
    counts = {rank: count(BUILTIN_FOLDER, method) for rank, method in methods.items()}
    sizes = {rank: SAVED_BYTES * count_saved(methods[rank], counted) for rank, counted in counts.items()}
    each = count_per_rank(BUILTIN_FOLDER, methods[8])
    assert each is not None
    told = {
        "recipe": {"method": {"name": "lora", "rank": 8}},
        "each": each._asdict(),
        **{name: getattr(counts[8], name) for name in ("trainable", "base", "total")},
        "saved_bytes": sizes[8],
    }
    script = """async ([module, told, ranks]) => { const { tell } = await import(module);
      return ranks.map((rank) => tell(told, { method: { name: "lora", rank } })); }"""
    found = blank.evaluate(script, [f"/{write_address('steps/method/numbers.js')}", told, [*RANKS]])
    for (rank, counted), said in zip(counts.items(), found, strict=True):
        share = 100 * counted.trainable / counted.total
        words = number(counted.trainable), total_number(counted.base, counted.total), percent(share), size(sizes[rank])
        assert (said["trainable"], said["total"], said["percent"], said["size"]) == words, rank


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (2.8718, "2.87"), (0.14159, "0.142"), (0.003149, "0.0031"), (1, "1.00"), (0, "0.0"), (-2.5, "-2.50")],
)
def test_a_figure_has_the_digits_that_say_something(call: Call, value: float | None, said: str) -> None:
    assert call("frame/words.js", "sayFigure", value) == said


def test_a_loss_that_leapt_says_so(call: Call) -> None:
    said = call("steps/train/leap.js", "tellLeap", [1, 2, 3, 4], [2.9, 3.4, 9.6, 2.2])
    assert "9.60 at step 3, far above the 2.90" in said and "learning rate" in said
    for losses in ([2.9, 3.4, 5.1, 2.2], [0.01, 0.4, 0.9, 0.1], [None, 9.0, 1.0, 1.0], []):
        assert call("steps/train/leap.js", "tellLeap", [1, 2, 3, 4], losses) == ""


def test_a_run_is_called_by_its_name(call: Call) -> None:
    assert call("frame/words.js", "sayRun", "20261120-0719-brave-otter") == "brave-otter"
    assert call("frame/words.js", "sayRun", "2026") == "2026"


@pytest.mark.parametrize(
    "draft",
    [
        new_draft(),
        {"step": "train", "run": "20261120-071900-brave-otter", "checkpoint": 40, "recipe": RECIPE},
        {"step": "label", "run": None, "checkpoint": None, "recipe": {"task_id": "x", "task_version": "v"}},
    ],
)
def test_an_address_is_the_one_that_python_writes_and_reads(call: Call, draft: dict[str, Any]) -> None:
    query = call("frame/address.js", "writeQuery", "?task=old&__theme=dark", draft)
    assert parse_qs(query[1:]) == {**parse_qs(write_query(draft)), "__theme": ["dark"]}
    assert read_address(query) == (draft, ())
    assert call("frame/address.js", "readStep", query) == draft["step"]


@pytest.mark.parametrize(
    ("search", "kept", "step"),
    [
        ("", None, "model"),
        ("?step=method", '{"step": "data"}', "method"),
        ("?step=nowhere", '{"step": "data"}', "data"),
        ("?run=x", '{"step": "data"}', "model"),
        ("", '{"step": "nowhere"}', "model"),
        ("", "{broken", "model"),
        ("", "null", "model"),
    ],
)
def test_the_step_to_show_first(call: Call, search: str, kept: str | None, step: str) -> None:
    assert call("frame/address.js", "findEarly", search, kept) == step


@pytest.mark.parametrize(
    ("patch", "whole", "changed"),
    [
        ({"step": "data"}, False, {"step": "data"}),
        ({"run": ""}, False, {"run": None, "checkpoint": None}),
        ({"run": "r2"}, False, {"run": "r2", "checkpoint": None}),
        ({"checkpoint": 80}, False, {"checkpoint": 80}),
        ({"checkpoint": "80"}, False, {"checkpoint": None}),
        ({"recipe": {"method": {"rank": 4}}}, False, {"recipe": {"method": {"name": "lora", "rank": 4, "alpha": 16}}}),
        ({"recipe": {"method": {"name": "full"}}}, False, {"recipe": {"method": {"name": "full"}}}),
        ({"recipe": {"method": None}}, False, {"recipe": {}}),
        ({"recipe": {"task_id": "t"}}, True, {"recipe": {"task_id": "t"}}),
    ],
)
def test_a_patch_changes_what_it_names(call: Call, patch: Any, whole: bool, changed: dict[str, Any]) -> None:
    before = {"step": "train", "run": "r", "checkpoint": 40, "recipe": {}}
    before["recipe"] = {"method": {"name": "lora", "rank": 8, "alpha": 16}}
    assert call("frame/patch.js", "change", before, patch, {"whole": whole}) == {**before, **changed}


def test_a_method_that_is_chosen_again_has_the_settings_it_was_left_with(call: Call) -> None:
    before = {"step": "method", "run": None, "checkpoint": None, "recipe": {"method": {"name": "full"}}}
    remembered = {"lora": {"name": "lora", "rank": 3}}
    after = call(
        "frame/patch.js", "change", before, {"recipe": {"method": {"name": "lora"}}}, {"remembered": remembered}
    )
    assert after["recipe"]["method"] == {"name": "lora", "rank": 3}


def test_a_patch_reaches_no_prototype(blank: Page) -> None:
    script = """async (module) => {
      const { merge } = await import(module);
      merge({}, JSON.parse('{"__proto__": {"broken": 1}, "constructor": {"prototype": {"broken": 1}}}'));
      return {}.broken ?? null;
    }"""
    assert blank.evaluate(script, f"/{write_address('frame/patch.js')}") is None


@pytest.mark.parametrize(
    ("have", "want", "holds"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, True),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, False),
        ({"a": 2}, {"a": [1, 2]}, True),
        ({}, {"a": {"b": 1}}, False),
        ({}, {"a": None}, True),
        ({"a": 8}, {"a": None}, False),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1}]}, True),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, False),
    ],
)
def test_a_control_is_on_while_the_draft_holds_what_it_sets(call: Call, have: Any, want: Any, holds: bool) -> None:
    assert call("frame/patch.js", "holds", have, want) is holds


def test_what_is_drawn_again_and_again_asks_once(blank: Page) -> None:
    script = """async ([draft, controls]) => {
      const { attachDraft } = await import(draft);
      const { drawn } = await import(controls);
      const { setTimeout, clearTimeout } = window;
      const waiting = new Map();
      let fired = 0;
      window.setTimeout = (act) => { const id = Math.random(); waiting.set(id, act); return id; };
      window.clearTimeout = (id) => waiting.delete(id);
      attachDraft({ props: {}, trigger: () => fired++ });
      const panel = document.createElement("div");
      panel.innerHTML = '<p data-again="2500"></p>';
      for (let time = 0; time < 3; time++) drawn(panel);
      for (const act of waiting.values()) act();
      Object.assign(window, { setTimeout, clearTimeout });
      return fired;
    }"""
    assert blank.evaluate(script, [f"/{write_address(f'frame/{name}.js')}" for name in ("draft", "controls")]) == 1


def test_a_value_is_set_at_its_path(call: Call) -> None:
    recipe = {"method": {"name": "lora"}}
    assert call("frame/patch.js", "set", recipe, "training.max_steps", 5) == {**recipe, "training": {"max_steps": 5}}
    listed = {"objective": {"rewards": [{"name": "equals"}]}}
    assert call("frame/patch.js", "set", listed, "objective.rewards.0.weight", 2) == {
        "objective": {"rewards": [{"name": "equals", "weight": 2}]}
    }
    assert call("frame/patch.js", "get", {"recipe": recipe}, "recipe.method.name") == "lora"
    assert call("frame/patch.js", "get", {"recipe": recipe}, "recipe.training.max_steps") is None


@pytest.mark.parametrize("signal", STEPS.signals, ids=lambda signal: signal.name)
def test_a_signal_is_due_when_what_it_is_about_changed_and_can_be_seen(blank: Page, signal: Any) -> None:
    step = signal.step or "model"
    draft = {"step": step, "run": "r", "checkpoint": None, "recipe": RECIPE}
    others = [{**draft, "step": name} for name in STEPS.members if name != step]
    script = """async ([module, signal, drafts, isOpen]) => {
      const { keyOf } = await import(module);
      return drafts.map((draft) => keyOf(signal, draft, () => isOpen) ?? null);
    }"""

    def keys(drafts: list[Any], is_open: bool = True) -> list[str | None]:
        address = f"/{write_address('frame/patch.js')}"
        return blank.evaluate(script, [address, signal._asdict(), drafts, is_open])

    now, bare = keys([draft, {**draft, "run": None, "recipe": {}}])
    assert now is not None and (now != bare or signal.about in ((), ("step",)))
    if signal.step:
        assert set(keys(others)) == {None}
    if signal.unfolded:
        assert keys([draft], is_open=False) == [None]


FEED = """async ([module, answers]) => {
  const { feed } = await import(module);
  const said = [], run = String(Math.random());
  let at = 0;
  const done = new Promise((settle) => feed.listen((state, change) => {
    if (state.run !== run) return;
    said.push(change);
    if (at >= answers.length) settle();
  }));
  feed.follow(run, async () => answers[at++] ?? new Promise(() => {}));
  while (at < answers.length) { feed.wake(); await new Promise((next) => setTimeout(next)); }
  await done;
  const { train, validation, samples, status, error, reconnecting } = feed.state;
  feed.follow(null);
  return { said, train, validation, samples, status, error, reconnecting };
}"""
FIRST = {
    "offset": 10,
    "train": [[1, 2, 3], [3.0, 2.0, 1.5], [0.1, 0.1, 0.1]],
    "validation": [[2], [2.5]],
    "samples": [{"step": 2}],
    "facts": {"status": "running", "of": 9, "measures": [{"name": "loss"}]},
    "seen": "a",
    "live": [3, 50.0, 1.0, 2.0],
}


@pytest.fixture
def feed(blank: Page) -> Call:
    """Let the feed take these answers of the server, one after the other; returns what it made of them."""
    return lambda *answers: blank.evaluate(FEED, [f"/{write_address('runs/run_feed.js')}", list(answers)])


def test_a_first_answer_is_the_whole_curve(feed: Call) -> None:
    found = feed(FIRST)
    assert found["said"] == ["reset", "append"]
    assert found["train"] == {"step": [1, 2, 3], "loss": [3.0, 2.0, 1.5], "rate": [0.1, 0.1, 0.1]}
    assert found["validation"] == {"step": [2], "loss": [2.5]}
    assert (found["status"]["status"], found["status"]["step"], found["status"]["told"]["loss"]) == ("running", 3, 1.5)


def test_what_is_new_is_added_and_facts_stay(feed: Call) -> None:
    found = feed(FIRST, {"offset": 20, "train": [[4], [1.0], [0.1]], "live": [4, 50.0, 1.0, 3.0]})
    assert found["train"]["step"] == [1, 2, 3, 4]
    assert (found["status"]["of"], found["status"]["step"], found["status"]["told"]["loss"]) == (9, 4, 1.0)


def test_a_run_that_went_back_loses_what_came_after(feed: Call) -> None:
    found = feed(FIRST, {"offset": 20, "drop_after": 1, "train": [[2], [1.9], [0.1]], "live": [2, 50.0, 1.0, 3.0]})
    assert found["said"][-1] == "drop"
    assert found["train"]["step"] == [1, 2] and found["train"]["loss"] == [3.0, 1.9]
    assert found["validation"]["step"] == [] and found["samples"] == []


def test_a_token_is_compared_and_its_word_found(call: Call) -> None:
    def read(model: str, *probabilities: float) -> dict[str, Any]:
        return {"model": model, "probabilities": probabilities}

    inside = {"model": "b", "tokens": ["Do", "es", " Mia", "?", "<end>"], "columns": [read("a", *[0.5] * 5)]}
    assert call("steps/compare/inside.js", "compare", inside, ["a", "b"]) == [0] * 5, "not read by its own column"
    inside["columns"] += [read("b", 0.5, 1, 0.25, 0, 1)]
    assert call("steps/compare/inside.js", "compare", inside, ["a", "b"]) == [0, 0.5, -0.25, -0.5, 0.5]
    words = [call("steps/compare/inside.js", "findWord", inside["tokens"], at) for at in range(4)]
    assert words == ["Does", "Does", "Mia", ""]
    said = [call("steps/compare/inside.js", "sayShare", share) for share in (0.974, 0.0123, 0.00001, 0)]
    assert said == ["97 %", "1.2 %", "<0.1 %", "0 %"]


def test_the_scrubber_knows_where_it_answered_and_begins_with_the_base(call: Call) -> None:
    steps = call("steps/train/scrubber.js", "listSteps", {"samples": [{"step": step} for step in (75, 75, 150, 30)]})
    assert steps == [0, 30, 75, 150]
    assert call("steps/train/scrubber.js", "listSteps", {"samples": []}) == []
    nearest = [call("steps/train/scrubber.js", "findNearest", steps, place) for place in (0, 16, 100, 999)]
    assert nearest == [0, 30, 75, 150]


def test_what_is_measured_has_the_names_that_the_run_declares(feed: Call) -> None:
    facts = {"status": "running", "measures": [{"name": "gain"}, {"name": "loss"}]}
    first = {**FIRST, "train": [[1], [0.5], [3.0], [0.1]], "validation": [[1], [None], [2.5]], "facts": facts}
    found = feed(first)
    assert found["train"] == {"step": [1], "gain": [0.5], "loss": [3.0], "rate": [0.1]}
    assert found["validation"] == {"step": [1], "gain": [None], "loss": [2.5]}
    assert found["status"]["told"] == {"gain": 0.5, "loss": 3.0}


def test_no_answer_means_reconnecting_and_keeps_the_curve(feed: Call) -> None:
    found = feed(FIRST, False)
    assert found["reconnecting"] and found["train"]["step"] == [1, 2, 3]


def test_a_run_that_is_gone_says_so(feed: Call) -> None:
    found = feed(FIRST, {"error": "It was deleted.", "gone": True})
    assert (found["status"]["status"], found["error"]) == ("gone", "It was deleted.")


def test_what_is_typed_is_kept_until_the_studio_has_it(blank: Page) -> None:
    script = """async (module) => {
      const { family, makeTyped, store } = await import(module);
      const typed = makeTyped(() => "moods"), copy = makeTyped(() => "moods_yours_0123abcd");
      typed.keep("answer.1", "happy");
      const found = [typed.find("answer.1"), copy.find("answer.1"), typed.find("answer.2"), family("moods_yours")];
      typed.done("answer.1", "happy");
      return [...found, typed.find("answer.1"), store.read("fine-tuning-studio.typed.moods.answer.1")];
    }"""
    found = blank.evaluate(script, f"/{write_address('steps/label/typed.js')}")
    assert found == ["happy", "happy", None, "moods", None, None]


@pytest.mark.parametrize(
    ("clicks", "count", "ranks"),
    [
        ([1], 2, [2, 1]),
        ([2], 3, [None, None, 1]),
        ([2, 0], 3, [2, 3, 1]),
        ([2, 2], 3, [None, None, None]),
        ([2, 0, 1], 3, [None, 1, None]),
        ([3, 1, 0], 4, [3, 2, 4, 1]),
    ],
)
def test_answers_are_ranked_by_clicking_the_best_first(
    blank: Page, clicks: list[int], count: int, ranks: list[int | None]
) -> None:
    script = """async ([module, clicks, count]) => {
      const { click, rank } = await import(module);
      return rank(clicks.reduce((order, place) => click(order, place, count), []), count);
    }"""
    address = f"/{write_address('steps/compare/ballot.js')}"
    assert blank.evaluate(script, [address, clicks, count]) == ranks


def test_text_is_only_ever_text(blank: Page) -> None:
    script = """async (module) => {
      const { h } = await import(module);
      return h("p", { title: '"><b>', hidden: false, "data-x": null }, "<img src=x>", [null, false, "&"]).outerHTML;
    }"""
    drawn = blank.evaluate(script, f"/{write_address('frame/elements.js')}")
    assert drawn == '<p title="&quot;><b>">&lt;img src=x&gt;&amp;</p>' or "<img" not in drawn
    assert "hidden" not in drawn and "data-x" not in drawn


def test_weights_snap_to_the_nearest_level(call: Call) -> None:
    snapped = call("steps/method/snapping.js", "snap", [-0.5, 0.2, 0.1], [-1, 0, 0.5, 1])
    assert snapped["scale"] == 0.5 and snapped["snapped"] == [-0.5, 0.25, 0]
    assert snapped["error"] == pytest.approx(0.15 / 0.8)


def test_a_copy_of_a_change_is_the_sum_of_its_factors(call: Call) -> None:
    factors = [{"size": 2, "tall": [1, 0], "wide": [0.5, 1]}, {"size": 1, "tall": [0, 1], "wide": [1, -1]}]
    assert call("steps/method/change.js", "copyOf", factors, 1) == [1, 2, 0, 0]
    assert call("steps/method/change.js", "copyOf", factors, 2) == [1, 2, 1, -1]
    assert call("steps/method/change.js", "sayKept", [0.5, 0.914], 2, [704, 256])[0] == "91 %"


WEIGH = """async (module) => {
  const { weigh } = await import(module), asked = [];
  document.body.innerHTML = `<table data-recipe='{"model": "builtin"}'><tr><td data-weighs="a">…</td></tr>
    <tr><td data-weighs="b">…</td></tr><tr><td data-weighs="c">…</td></tr></table>`;
  const table = document.querySelector("table");
  await weigh(table, async (question) => {
    asked.push(question.method + question.recipe.model);
    if (question.method === "c") table.remove();
    return question.method === "b" ? { error: "No." } : { bytes: 7, html: "7 MB" };
  });
  return [asked, [...table.querySelectorAll("td")].map((cell) => [cell.textContent, cell.title]),
    [...table.rows].map((row) => row.dataset.memory ?? "")];
}"""


def test_the_table_of_methods_is_told_what_memory_one_after_the_other_needs(blank: Page) -> None:
    asked, cells, memory = blank.evaluate(WEIGH, f"/{write_address('steps/method/table.js')}")
    assert asked == ["abuiltin", "bbuiltin", "cbuiltin"]
    assert cells == [["7 MB", ""], ["not known", "No."], ["…", ""]], "a table that is gone is told nothing"
    assert memory == ["7", "0", ""]


def test_runs_are_sorted_by_number_and_only_differing_settings_are_columns(call: Call) -> None:
    rows = [
        {
            "run": name,
            "name": name,
            "value": value,
            "score": value and {"value": 100 * value},
            "forgetting": None,
            "tags": ["long"] if name == "b" else [],
            "settings": {"Rank": rank, "Seed": "0"},
        }
        for name, value, rank in (("a", 0.3, "8"), ("b", None, "64"), ("c", 0.1, "1,000"))
    ]
    assert call("steps/runs/columns.js", "listColumns", rows, True)[-1] == "Rank"
    assert "Score" in call("steps/runs/columns.js", "listColumns", rows, True), "somebody has one"
    assert not {"Score", "Forgetting"} & set(call("steps/runs/columns.js", "listColumns", rows[1:2], True))
    assert call("steps/runs/columns.js", "listColumns", rows, False)[-2:] == ["Rank", "Seed"]

    def order(title: str, down: bool) -> str:
        asked = {"title": title, "down": down}
        return "".join(row["name"] for row in call("steps/runs/columns.js", "sortRows", rows, asked))

    assert (order("Rank", False), order("Rank", True), order("Result", False)) == ("abc", "cba", "cab")
    assert order("Score", True) == "acb" and order("Tags", True)[0] == "b"
    assert "Tags" not in call("steps/runs/columns.js", "listColumns", rows[:1], True)
    assert call("steps/runs/overlay.js", "findTicks", 0, 2.2, 5) == [0, 0.5, 1, 1.5, 2]
    assert call("steps/runs/overlay.js", "findLogTicks", 0.01, 0.1) == [0.01, 0.02, 0.05, 0.1]


def test_a_merge_is_asked_for_and_pictured(call: Call) -> None:
    module = "steps/merge/order.js"
    chosen = call(module, "choose", [{"model": "a", "weight": 0.3}], ["a", "b"])
    assert chosen == [{"model": "a", "weight": 0.3}, {"model": "b", "weight": 0.7}]
    state = {**call(module, "newState"), "chosen": chosen, "way": "dare", "options": {"dare": {"seed": 3}, "ties": {}}}
    assert call(module, "makeOrder", state) == {"way": "dare", "parents": chosen, "result": "auto", "seed": 3}
    assert call(module, "makeOrder", {**state, "result": "svd", "name": "x"})["rank"] == 16
    fields = ("parents.weight", "way.density", "way.name", "rank", "")
    assert [call(module, "placeOfError", field) for field in fields] == ["parents", "density", "way.name", "rank", ""]
    assert call(module, "partName", "model.layers.3.self_attn.q_proj.weight") == ["3", "q_proj"]
    assert call(module, "partName", "model.embed_tokens.weight") == ["", "embed_tokens"]
    meetings = [
        {"weight": f"model.layers.{layer}.mlp.{kind}.weight", "cosine": 0.1 * layer, "opposite": 0.5}
        for layer in (0, 10, 2)
        for kind in ("up_proj", "down_proj")
    ]
    found = call(module, "groupMeetings", meetings)
    assert (found["layers"], found["kinds"]) == (["0", "2", "10"], ["up_proj", "down_proj"])
    assert found["cells"][0][2] == {"cosine": 1.0, "opposite": 0.5} and abs(found["cosine"] - 0.4) < 1e-9
    tasks = [{"values": [{"value": value} for value in values]} for values in ((20, 90, 50), (30, 60, 80))]
    assert call(module, "bestScale", [0.4, 0.7, 1], tasks) == 0.7
    assert call(module, "sayValue", {"value": 81.6, "low": 67.2, "high": 90.6}) == "82 (67 to 91)"
    for cosine in (0.9, 0.0, -0.9):
        assert f"{cosine:.2f}" in call(module, "sayMeeting", {"cosine": cosine, "opposite": 0.5})
    said = call(module, "sayResult", {"result": "svd", "rank": 8, "explained": 0.912})
    assert "8" in said and "91.2" in said


def test_who_clicks_before_the_recipe_is_there_waits_for_it(blank: Page) -> None:
    script = """async ([module, recipe]) => {
      const { studio, openDraft } = await import(module);
      const waits = studio.opened.then(() => studio.draft.recipe);
      const before = await Promise.race([waits, Promise.resolve("waits")]);
      openDraft({ step: "model", run: null, checkpoint: null, recipe });
      return [before, await waits];
    }"""
    blank.reload()
    assert blank.evaluate(script, [f"/{write_address('frame/draft.js')}", RECIPE]) == ["waits", RECIPE]


@pytest.mark.parametrize(
    ("acts", "draft"),
    [
        ("studio.go('data')", {"step": "data"}),
        ("studio.go('data'); studio.go('model')", {"step": "model"}),
        ("studio.setDraft({ recipe: { task_id: 't' } })", {"recipe": {**RECIPE, "task_id": "t"}}),
        ("studio.set('training.steps', 5)", {"recipe": {**RECIPE, "training": {"steps": 5}}}),
        ("studio.setDraft({ run: 'r' })", {"run": "r"}),
    ],
)
def test_what_a_person_does_before_the_recipe_is_there_outlives_it(
    blank: Page, acts: str, draft: dict[str, Any]
) -> None:
    opened = {"step": "method", "run": None, "checkpoint": None, "recipe": RECIPE}
    script = """async ([module, opened, acts]) => {
      const { studio, openDraft } = await import(module);
      new Function("studio", acts)(studio);
      openDraft(opened);
      openDraft({ ...opened, step: "train" }); // a page opens once
      await new Promise((resolve) => setTimeout(resolve, 5));
      return [studio.draft, history.length];
    }"""
    blank.goto(HOME)
    before = blank.evaluate("history.length")
    found, length = blank.evaluate(script, [f"/{write_address('frame/draft.js')}", opened, acts])
    assert found == {**opened, **draft}
    assert length == before + (found["step"] != "method"), "the way back leads to where the page opened"


def test_the_way_back_from_a_click_at_once_leads_to_where_the_page_opened(blank: Page) -> None:
    script = """async ([module, opened]) => {
      const { studio, openDraft } = await import(module);
      openDraft(opened);
      studio.go("data");
      await new Promise((resolve) => setTimeout(resolve, 5));
      const back = new Promise((resolve) => addEventListener("popstate", () => resolve(studio.draft.step)));
      history.back();
      return [await back, location.search.includes("step=method")];
    }"""
    blank.goto(HOME)
    opened = {"step": "method", "run": None, "checkpoint": None, "recipe": RECIPE}
    assert blank.evaluate(script, [f"/{write_address('frame/draft.js')}", opened]) == ["method", True]
