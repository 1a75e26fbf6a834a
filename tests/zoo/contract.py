"""The contract that every causal architecture keeps, cell by cell, as plain transformers and peft see it.

A cell is ok, refused (in words, before a run), WRONG (silently) or CRASH. Whatever the studio says of a model or makes
of it is compared with the same model loaded and read by hand: rows one at a time, no padding, no cache, nothing shared.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import registry
from tiny import TASK_ID, encode_row, import_task, losses, read_all, resume, sum_loss, train, write_recipe

from studio.answering.pair import BASE, TUNED, Pair
from studio.errors import RecipeError, StudioError, first_line
from studio.launchers.inline import InlineLauncher
from studio.methods import METHODS, Method
from studio.models.device import find_device
from studio.models.loading import load_base, load_tokenizer
from studio.precisions import PRECISIONS
from studio.service import Studio
from studio.tasks.split import split_task
from studio.workspace import Workspace

OK, REFUSED, WRONG, CRASH = "ok", "refused", "WRONG", "CRASH"
STEPS, HALFWAY = 4, 2
PROMPT = [1, *range(40, 60)]
CELLS = (
    "causal", "facts", "count", "loss", "gradient", "base", "peft", "greedy", "scored", "resume", "bf16", "int8", "nf4",
)  # fmt: skip
NEAR = 2e-3
"""How far logits and gradients may be from those of plain transformers, relative to them."""


class Cell(NamedTuple):
    """What came out of one promise on one architecture."""

    state: str
    note: str = ""


class Wrong(Exception):
    """What the studio says or does is not what plain transformers does, and nothing said so."""


def try_architecture(
    kind: str, root: Path, cells: tuple[str, ...] = (), methods: tuple[str, ...] | None = None
) -> dict[str, Cell]:
    """Return what came out of each cell, and of each method."""
    folder = registry.make_model(kind, root / "model")
    house = House(folder, Workspace(root / "home"))
    found: dict[str, Cell] = {}
    for name in cells or CELLS:
        found[name] = look(lambda name=name: getattr(house, f"see_{name}")())
        if name == "causal" and found[name].state != OK:
            return found
    for name in METHODS.members if methods is None else methods:
        found[name] = look(lambda name=name: try_method(METHODS.read(name), folder))
    return found


def look(see: Callable[[], str | None]) -> Cell:
    """Return the cell that looking at something makes; the note says what isn't as usual."""
    try:
        return Cell(OK, see() or "")
    except Wrong as error:
        return Cell(WRONG, first_line(error))
    except StudioError as error:
        return Cell(REFUSED, first_line(error))
    except Exception as error:
        place = error.__traceback__
        while place and place.tb_next:
            place = place.tb_next
        where = f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else ""
        return Cell(CRASH, f"{type(error).__name__}: {first_line(error)[:200]} ({where})")


class House:
    """A studio with one task, one model, and a run of it that is made when it is first asked for."""

    def __init__(self, folder: Path, workspace: Workspace) -> None:
        self.folder, self.workspace, self.studio = folder, workspace, Studio(workspace, InlineLauncher())
        import_task(workspace, count=24)
        self._run: Any = None
        self._pair: Any = None
        self._plain: dict[int, Any] = {}

    def recipe(self, **changes: Any) -> dict[str, Any]:
        """The recipe of the run, by LoRA, or another method where that doesn't go with this model."""
        training = {"max_steps": STEPS, "evaluate_every": HALFWAY, "save_every": HALFWAY, "learning_rate": 0.02}
        return write_recipe(self.folder, **{"training": training, "method": self.method, **changes})

    @cached_property
    def method(self) -> Any:
        """The first method that is taken with this model. Raises what is said of the last."""
        *methods, last = {"name": "lora", "rank": 4}, "full"
        training = {"max_steps": STEPS}
        for method in methods:
            with suppress(RecipeError):
                self.studio.estimate(write_recipe(self.folder, method=method, training=training))
                return method
        self.studio.estimate(write_recipe(self.folder, method=last, training=training))
        return last

    @property
    def run(self) -> Any:
        """The run, trained. Raises what was said about it before it began."""
        if self._run is None:
            self.studio.estimate(self.recipe())
            self._run = train(self.workspace, self.recipe())
        failed = [event for event in read_all(self._run) if event["event"] == "failed"]
        if failed:
            raise RuntimeError(failed[0]["error"])
        return self._run

    @property
    def pair(self) -> Pair:
        """Base and tuned, as Compare has them."""
        if self._pair is None:
            recipe = self.run.load_recipe()
            self._pair = Pair(recipe, find_device())
            self._pair.use(self.run, recipe, STEPS)
        return self._pair

    def plain(self, step: int = 0) -> Any:
        """The base as anybody loads it, and from a step on the adapter's checkpoint by peft."""
        if step not in self._plain:
            self._plain[step] = self._load_plain(step)
        return self._plain[step]

    def _load_plain(self, step: int) -> Any:
        from peft import PeftModel
        from transformers import AutoModelForCausalLM

        if step and self.method == "full":
            return AutoModelForCausalLM.from_pretrained(self.run.find_checkpoint(step)).eval()
        base = AutoModelForCausalLM.from_pretrained(self.folder).eval()
        return PeftModel.from_pretrained(base, self.run.find_checkpoint(step)).eval() if step else base

    def rows(self, part: str) -> list[Any]:
        """The rows of the task's training or validation part."""
        recipe = self.studio.read_recipe(self.recipe())
        task = self.studio.load_task(TASK_ID)
        tokenizer = load_tokenizer(self.folder)
        instances = getattr(split_task(task, recipe.training.seed), part)
        return [encode_row(recipe.objective, task, one, tokenizer, registry.CONTEXT) for one in instances]

    def see_causal(self) -> None:
        """No token sees a later one; a model whose tokens do is refused."""
        import torch

        facts = self.studio.describe_model(str(self.folder))
        self.studio.estimate(self.recipe())
        model, ids = self.plain(), torch.tensor([PROMPT])
        other = torch.cat([ids[:, :-4], ids[:, -4:] + 100], dim=1)
        with torch.no_grad():
            moved = (read(model, ids) - read(model, other))[:-4].abs().max()
        if moved > 1e-4:
            raise Wrong(
                f"a later token moves the logits of earlier ones by {float(moved):.2g}, and {facts.family} is taken"
            )

    def see_facts(self) -> None:
        """The card says what the loaded model is."""
        facts, model = self.studio.describe_model(str(self.folder)), self.plain()
        text = model.config.get_text_config(decoder=True)
        wanted = {
            "parameters": model.num_parameters(),
            "layers": getattr(text, "num_hidden_layers", None),
            "hidden_size": getattr(text, "hidden_size", None),
            "vocabulary": getattr(text, "vocab_size", None),
        }
        wrong = [
            f"{name} {getattr(facts, name)}, not {value}"
            for name, value in wanted.items()
            if getattr(facts, name) != value
        ]
        if wrong:
            raise Wrong("; ".join(wrong))

    def see_count(self) -> None:
        """The count on the page is the number that trains."""
        told = self.studio.estimate(self.recipe())
        counted = next(event for event in read_all(self.run) if event["event"] == "counted")
        if (told.trainable, told.total) != (counted["trainable"], counted["total"]):
            raise Wrong(f"told {told.trainable} of {told.total}; {counted['trainable']} of {counted['total']} train")

    def see_loss(self) -> str:
        """The losses of a run are those of plain transformers, row by row: first batch and validation."""
        from studio.training.batch import LengthSampler

        events, rows = read_all(self.run), self.rows("train")
        first = [rows[place] for place in list(LengthSampler([(row,) for row in rows], 4, 0))[:4]]
        validation = {event["step"]: event["loss"] for event in events if event["event"] == "evaluated"}
        check_loss("step 1", losses(events)[1], self.plain(), first)
        check_loss("validation", validation[STEPS], self.plain(STEPS), self.rows("validation"))
        ways = next(event for event in events if event["event"] == "prepared")["ways"]
        return "; ".join(f"{one['way']}: {one['why']}" for one in ways if not one["used"])

    def see_gradient(self) -> None:
        """Every gradient of a batch is that of its rows read alone; where chance has a part in training, without it."""
        import torch

        from studio.training.batch import Batcher
        from studio.training.trial import Trial

        rows = self.rows("train")[:6]
        torch.manual_seed(0)
        model = METHODS.read(self.method).attach(load(self.folder)).train()
        for value in model.parameters():
            value.data = value.data + 0.02 * torch.randn_like(value) if value.requires_grad else value.data
        model.train(bool(score(model, rows[0]) == score(model, rows[0])))
        for row in rows:
            (-score(model, row)).backward()
        wanted = take_gradients(model)
        batcher = Batcher(0)
        Trial(model, batcher, rows).choose()
        sum_loss(model, batcher([row._asdict() for row in rows])).total.backward()
        found = take_gradients(model)
        whole = max(float(value.norm()) for value in wanted.values())
        wrong = [name for name, value in wanted.items() if far(found[name], value, 0.01 * whole) > 5 * NEAR]
        if wrong or found.keys() != wanted.keys():
            raise Wrong(f"{len(wrong)} of {len(wanted)} gradients differ, such as {wrong[:1]}")

    def see_base(self) -> None:
        """The base's column is the untouched base, and the tuned one's what peft makes of it."""
        import torch

        ids = torch.tensor([PROMPT])
        *_, _written = self.pair.write(PROMPT, 4, 0, 0, frozenset())
        found = self.pair.read(torch.cat([ids, ids])).values
        for row, model in ((BASE, self.plain()), (TUNED, self.plain(STEPS))):
            with torch.no_grad():
                wanted = read(model, ids)[-1]
            if (distance := far(found[row], wanted)) > NEAR:
                raise Wrong(f"the {('base', 'tuned')[row]} column's logits are {100 * distance:.2g} % off")

    def see_peft(self) -> None:
        """What was saved is a file of peft, and changes the answers."""
        import torch

        ids = torch.tensor([PROMPT])
        with torch.no_grad():
            base, tuned = (read(self.plain(step), ids) for step in (0, STEPS))
        if far(tuned, base) < 1e-6:
            raise Wrong("the adapter that was trained changes nothing")

    def see_greedy(self) -> str:
        """What both columns write is what `generate` writes."""
        notes = []
        *_, written = self.pair.write(PROMPT, 12, 0, 0, frozenset())
        for row, model in ((BASE, self.plain()), (TUNED, self.plain(STEPS))):
            wanted, note = write(model, PROMPT, 12)
            notes.append(note)
            if written[row] != wanted[: len(written[row])]:
                raise Wrong(f"{('base', 'tuned')[row]} writes {written[row]}, generate {wanted}")
        way = self.pair._sides.way
        return "; ".join(
            sorted({note for note in notes if note} | ({f"read {way}"} if not (way.together and way.cached) else set()))
        )

    def see_scored(self) -> None:
        """Many answers at once, of prompts of many lengths, are those of the chat."""
        prompts = [PROMPT, PROMPT[:7], [*PROMPT, *range(90, 120)]]
        for tuned in (False, True):
            found = self.pair.answer_many(prompts, 8, tuned=tuned)
            for prompt, answer in zip(prompts, found, strict=True):
                *_, written = self.pair.write(prompt, 8, 0, 0)
                wanted = self.pair.tokenizer.decode(written[tuned], skip_special_tokens=True).strip()
                if answer != wanted:
                    raise Wrong(f"scored as {answer!r}, chat says {wanted!r}")

    def see_resume(self) -> None:
        """A run that goes on from its middle has the losses of one that was never stopped."""
        before = losses(read_all(self.run))
        self._pair = None
        shutil.rmtree(self.run.find_checkpoint(STEPS))
        again = losses(resume(self.workspace, self.run))
        if again != {step: before[step] for step in range(HALFWAY + 1, STEPS + 1)}:
            raise Wrong(f"losses {before}, and after a stop {again}")

    def see_bf16(self) -> None:
        """A base in bf16 learns."""
        self._see_precision("bf16")

    def see_int8(self) -> None:
        """A base in 8 bits learns."""
        self._see_precision("int8")

    def see_nf4(self) -> None:
        """A base in 4 bits learns."""
        self._see_precision("nf4")

    def _see_precision(self, name: str) -> None:
        """What is frozen in fewer bits answers nearly alike, and what trains beside it gets a gradient."""
        import torch

        from studio.training.batch import Batcher
        from studio.training.trial import Trial

        self.studio.estimate(self.recipe(precision=name))
        rows = self.rows("train")[:4]
        model = METHODS.read(self.method).attach(load(self.folder, name)).train()
        batcher = Batcher(0)
        Trial(model, batcher, rows).choose()
        loss = sum_loss(model, batcher([row._asdict() for row in rows])).total
        loss.backward()
        with torch.no_grad():
            wanted = -sum(score(self.plain(), row) for row in rows)
        if not all(value.isfinite().all() for value in take_gradients(model).values()):
            raise Wrong("gradients that are no numbers")
        if not abs(float(loss) - float(wanted)) < 0.2 * float(wanted):
            raise Wrong(f"a loss of {float(loss):.3f}, in 32 bits {float(wanted):.3f}")


def try_method(method: Method, folder: Path) -> str | None:
    """A method is counted exactly, trains something in one step, and what it saved answers alike."""
    import torch

    from studio.estimates.checking import check_recipe
    from studio.estimates.counting import count
    from studio.recipes.recipe import read_recipe

    check_recipe(read_recipe({"model": str(folder), "task_id": TASK_ID, "method": method.model_dump()}), folder)
    counted = count(folder, method)
    torch.manual_seed(1)
    model = method.attach(load(folder))
    method.begin(model, 10)
    trained = [value for value in model.parameters() if value.requires_grad]
    if counted.trainable != sum(value.numel() for value in trained):
        raise Wrong(f"told {counted.trainable}, {sum(value.numel() for value in trained)} train")
    ids = torch.tensor([PROMPT, PROMPT[::-1]])
    before = [value.detach().clone() for value in trained]
    optimiser = torch.optim.AdamW(method.group_parameters(model, 0.01, 0.0) or trained, lr=0.01)
    for step in (1, 2):
        logits = read(model.train(), ids, whole=True)
        torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), ids[:, 1:].flatten()).backward()
        optimiser.step()
        method.after_step(model, step)
        optimiser.zero_grad()
    moved = sum(not torch.equal(value, old) for value, old in zip(trained, before, strict=True))
    if moved < 0.5 * len(trained):
        raise Wrong(f"of {len(trained)} tensors that should train {moved} do")
    saved = folder.parent / "saved"
    shutil.rmtree(saved, ignore_errors=True)
    model.eval().save_pretrained(saved)
    method.finish_checkpoint(model, saved)
    again = load(saved) if method.saves_whole_model else method.load(load(folder), saved, "tuned1")
    with torch.no_grad():
        wanted, found, base = (read(each.eval(), ids[:1]) for each in (model, again, load(folder)))
    if far(found, wanted) > NEAR:
        raise Wrong(f"what was saved answers {100 * far(found, wanted):.2g} % otherwise")
    if far(found, base) < 1e-6:
        raise Wrong("what was trained changes nothing")
    return None if moved == len(trained) else f"{moved} of {len(trained)} tensors train"


def load(folder: Path, precision: str = "fp32") -> Any:
    """The base as a run has it."""
    return load_base(folder, PRECISIONS.read(precision), find_device(), gradients=True)


def read(model: Any, ids: Any, whole: bool = False) -> Any:
    """The logits of the first row, or of all rows, read without a cache where the model can be asked so."""
    try:
        logits = model(input_ids=ids, use_cache=False).logits
    except TypeError:
        logits = model(input_ids=ids).logits
    return logits if whole else logits[0]


def score(model: Any, row: Any) -> Any:
    """The log-likelihood of what is learnt in a row."""
    import torch

    ids, labels = torch.tensor([row.input_ids]), torch.tensor(row.labels)
    found = read(model, ids).float().log_softmax(dim=-1)[:-1]
    learnt = labels[1:] != -100
    return found[learnt].gather(1, labels[1:][learnt][:, None]).sum()


def check_loss(name: str, told: float, model: Any, rows: list[Any]) -> None:
    """Raise Wrong where a loss isn't the mean over all learnt tokens of the rows."""
    import torch

    with torch.no_grad():
        whole = -sum(float(score(model, row)) for row in rows)
    wanted = whole / sum(label != -100 for row in rows for label in row.labels[1:])
    if not abs(told - wanted) < 2e-4 + 1e-4 * wanted:
        raise Wrong(f"{name}: {told:.5f}, row by row {wanted:.5f}")


def take_gradients(model: Any) -> dict[str, Any]:
    """Return the gradients and clear them."""
    found = {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}
    model.zero_grad()
    return found


def far(found: Any, wanted: Any, least: float = 1e-9) -> float:
    """How far numbers are from others, relative to them."""
    return float((found.float() - wanted.float()).norm() / max(float(wanted.float().norm()), least))


def write(model: Any, prompt: list[int], most: int) -> tuple[list[int], str]:
    """What `generate` writes, and what is odd about it: with a cache, else without, else token by token by hand."""
    import torch

    options = {"max_new_tokens": most, "do_sample": False, "pad_token_id": 0, "eos_token_id": [-1]}
    found = []
    for cached in (True, False):
        with torch.no_grad(), suppress(Exception):
            written = model.generate(input_ids=torch.tensor([prompt]), use_cache=cached, **options)
            found.append(written[0, len(prompt) :].tolist())
    if found:
        return found[-1], "" if found[0] == found[-1] and len(found) == 2 else "generate differs with its cache"
    by_hand: list[int] = []
    with torch.no_grad():
        for _ in range(most):
            by_hand.append(int(read(model, torch.tensor([prompt + by_hand]))[-1].argmax()))
    return by_hand, "transformers' generate breaks"


def list_trouble(found: dict[str, Cell]) -> Iterator[str]:
    """Yield what must not be: cells that are silently wrong, or break."""
    for name, cell in found.items():
        if cell.state in (WRONG, CRASH):
            yield f"{name}: {cell.state} {cell.note}"
