"""What the studio adds to transformers' Trainer: its own batches, checkpoints that are whole or absent, and events."""

import dataclasses
import json
import math
import time
from collections import deque
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME

from studio.checkpoints.made_on import note_base
from studio.errors import RecipeError, WorkspaceError
from studio.foreign import Original
from studio.methods.method import Method
from studio.objectives import Measure
from studio.objectives.logprobs import Batch, LogProbs
from studio.objectives.objective import longest_row
from studio.recipes.options import Plan
from studio.recipes.recipe import Recipe
from studio.runs.event import EventWriter
from studio.runs.run import Run
from studio.training.batch import LengthSampler, add_up, look_at, read_logprobs
from studio.training.examiner import Examiner
from studio.training.fast.lean_trainer import LeanTrainer
from studio.training.sampling import Sampler
from studio.training.tally import Tally
from studio.workspace import write_whole

WINDOW = 20
LOG_SECONDS = 0.25
"""On a graphics card so often: to read a loss off it, the processor waits until all steps before are done."""


READ_FROM = (
    Original("transformers.Trainer.create_optimizer", "5.23.0", "d413141b144e"),
    Original("transformers.Trainer._get_num_items_in_batch", "5.23.0", "046644659e79"),
    Original("transformers.Trainer._get_train_sampler", "5.23.0", "2768be845fb5"),
    Original("transformers.Trainer._evaluate", "5.23.0", "93a940a223d9"),
    Original("transformers.Trainer._maybe_log_save_evaluate", "5.23.0", "c3945a2525b7"),
    Original("transformers.Trainer._load_from_checkpoint", "5.23.0", "9041218b8c5d"),
    Original("transformers.Trainer._load_scaler", "5.23.0", "cf052202ab21"),
    Original("transformers.Trainer._save", "5.23.0", "f7a85de8fe2a"),
    Original("transformers.Trainer._save_checkpoint", "5.23.0", "3f08503719cd"),
)


class StudioTrainer(LeanTrainer):
    """Trainer whose checkpoints appear whole under the run's own names, with the recipe that made them."""

    def __init__(self, *, run: Run, recipe: Recipe, events: EventWriter, base: str, **arguments: Any) -> None:
        """`base` is the fingerprint of the model that is trained on."""
        self.run, self.recipe, self.events, self._base = run, recipe, events, base
        self.trained, self.looked = Tally(), Tally()
        super().__init__(**arguments)
        self.model_accepts_loss_kwargs = True

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Return the mean of the objective's losses, in training over all accumulated batches; note its measures."""
        losses, measures = self.recipe.objective.loss(*self.read(model, inputs))
        loss = add_up(losses) / (num_items_in_batch or max(1, len(losses)))
        (self.trained if model.training else self.looked).add(measures)
        if model.training:
            penalty = self.recipe.method.penalise(self.model) / self.current_gradient_accumulation_steps
            loss = loss + (
                penalty - torch.as_tensor(penalty).detach()
            )  # felt by the gradients; what is shown is the task's loss alone
        return (loss, {"loss": loss}) if return_outputs else loss

    def read(self, model: Any, inputs: dict[str, Any]) -> tuple[LogProbs, Batch]:
        """Return what the objective is given of a batch."""
        return read_logprobs(model, inputs), look_at(inputs)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> int:
        """Count the losses of the batches of one step."""
        over_tokens = self.recipe.objective.averages_over == "tokens"
        return sum(
            len(batch["learnt"]) if over_tokens else len(batch["marks"]) // batch["rows_each"]
            for batch in batch_samples
        )

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthSampler:
        dataset: Any = train_dataset or self.train_dataset
        group = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return LengthSampler(dataset.examples, group, self.recipe.training.seed)

    def create_optimizer(self, model: Any = None) -> Any:
        """Make the optimiser, with rates of the method's own where it has some."""
        groups = self.recipe.method.group_parameters(self.model, self.args.learning_rate, self.args.weight_decay)
        if groups:
            kind, options = self.get_optimizer_cls_and_kwargs(self.args, self.model)
            self.optimizer: Any = kind(groups, **options)
        return super().create_optimizer(model)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if not self.recipe.method.restore(self.model, Path(resume_from_checkpoint)):
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _load_scaler(self, checkpoint: str | None) -> None:
        if self.accelerator.scaler is not None:  # what a card began in fp16 may go on where nothing is scaled
            super()._load_scaler(checkpoint)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        super()._save(output_dir, state_dict)
        self.recipe.method.finish_checkpoint(self.model, Path(output_dir or self.args.output_dir or ""))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        beside = Path(self.args.output_dir or "") / f"checkpoint-{self.state.global_step}"
        (beside / "training_args.bin").unlink(missing_ok=True)
        note_base(beside, self._base)
        write_whole(beside / "recipe.json", self.recipe.model_dump_json(indent=2))
        self.run.keep_checkpoint(beside, self.state.global_step)
        self.events.append("saved", step=self.state.global_step)
        self._forget_old_checkpoints()

    def _maybe_log_save_evaluate(self, *given: Any, **named: Any) -> None:
        """Save before evaluating, so that whatever breaks there costs no step; then note with it what came out."""
        if not (self.control.should_evaluate and self.control.should_save):
            super()._maybe_log_save_evaluate(*given, **named)
            return
        self.control.should_evaluate = False
        super()._maybe_log_save_evaluate(*given, **named)
        self.control.should_evaluate = True
        super()._maybe_log_save_evaluate(*given, **named)

    def _evaluate(self, *given: Any, **named: Any) -> dict[str, float]:
        """Evaluate; chance goes on as if that hadn't been, as it does in a training that goes on from here."""
        devices = [torch.cuda.current_device()] if self.args.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            found: dict[str, float] = super()._evaluate(*given, **named)
        step = self.state.global_step
        if step in self.run.list_checkpoints():
            self.control.should_save = False
            noted = json.dumps(dataclasses.asdict(self.state), indent=2, sort_keys=True)
            write_whole(self.run.checkpoints_folder / f"step-{step}" / TRAINER_STATE_NAME, noted)
            self._forget_old_checkpoints()
        return found

    def rehearse_evaluation(self) -> None:
        """Read the longest examples of the validation part once, so that what has no room for them breaks now."""
        dataset: Any = self.eval_dataset
        places = sorted(range(len(dataset)), key=lambda place: longest_row(dataset.examples[place]))
        items = [dataset[place] for place in places[-self.args.eval_batch_size :]]
        inputs = self._prepare_inputs(self.data_collator(items))
        training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad(), self.accelerator.autocast():
                self.read(self.model, inputs)
        finally:
            self.model.train(training)

    def save_now(self) -> None:
        """Save a checkpoint of the step the training is at."""
        self._save_checkpoint(self.model, None)

    def _forget_old_checkpoints(self) -> None:
        steps = self.run.list_checkpoints()
        best = self.state.best_global_step
        for step in steps[: -self.recipe.training.keep_checkpoints]:
            if step != best and not self.run.is_built_on(step):
                self.run.forget_checkpoint(step)


class MethodSteps(TrainerCallback):
    """Lets the method do what it does after each step of the optimiser."""

    def __init__(self, method: Method, model: Any) -> None:
        self.method, self.model = method, model

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Tell the method that a step was made; the gradients are still there."""
        if args.fp16 and type(self.method).after_step is not Method.after_step:
            self._forget_overflow()
        self.method.after_step(self.model, state.global_step + 1)

    def _forget_overflow(self) -> None:
        """Let gradients that outgrew fp16 count as nothing: the optimiser passed over that step, too."""
        for value in self.model.parameters():
            if value.grad is not None:
                value.grad.nan_to_num_(0.0, 0.0, 0.0)


class Reporter(TrainerCallback):
    """Writes what happens as events, looks for the stop file after each step, ends early when nothing improves."""

    def __init__(
        self,
        run: Run,
        events: EventWriter,
        plan: Plan,
        sampler: Sampler | None,
        trained: Tally,
        looked: Tally,
        chooser: Measure,
        examiner: Examiner | None = None,
    ) -> None:
        """`chooser` is the measure that says which checkpoint is best, and whether anything still improves."""
        self.run, self.events, self.plan, self.sampler, self.chooser = run, events, plan, sampler, chooser
        self._trained, self._looked, self._examiner = trained, looked, examiner
        self.stopped = False
        self._logged = -math.inf
        self._moments: deque[float] = deque(maxlen=WINDOW)
        self._resting = 0.0
        self.step_moments: list[float] = []
        self._began: float | None = None  # until the training begins, the model is not that of its checkpoint
        self._first = 0

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Note when and where it begins, which may be at a checkpoint."""
        self._began, self._first = time.monotonic(), state.global_step

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Let the examiner measure the checkpoint."""
        if self._examiner and not self.stopped:
            began = time.monotonic()
            self._examiner.look(state.global_step, self._passed(), state.global_step - self._first)
            self._resting += time.monotonic() - began

    def finish(self, trainer: StudioTrainer) -> None:
        """Let the examiner measure the best checkpoint on what chose nothing, or say that it had no time for it."""
        if not self._examiner:
            return
        state = trainer.state
        best = state.best_global_step or state.global_step
        is_loaded = best == state.global_step and self._began is not None
        if self._examiner.is_asked and not is_loaded and best in self.run.list_checkpoints():
            with self._examiner.meter.running():
                trainer._load_from_checkpoint(str(self.run.checkpoints_folder / f"step-{best}"))
        self._examiner.finish(best)

    def _passed(self) -> float:
        """Seconds of training so far, without those of measuring and answering."""
        return 0.0 if self._began is None else time.monotonic() - self._began - self._resting

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Note the time; stop after this step if a person asked for it.

        Raises WorkspaceError when the run was deleted: nobody could stop it any more.
        """
        if not self.run.is_there():
            raise WorkspaceError(f"The run {self.run.name} was deleted while it trained.")
        self.step_moments.append(time.monotonic())
        self._moments.append(self.step_moments[-1] - self._resting)
        if self.run.stop_file.exists() and state.global_step < state.max_steps:
            self.stopped = True
            control.should_training_stop = True
            control.should_save = control.should_log = True
        if args.logging_steps >= state.max_steps and self.step_moments[-1] - self._logged >= LOG_SECONDS:
            control.should_log = True
        if self.plan.sample_every and state.global_step % self.plan.sample_every == 0 or self.stopped:
            self._sample(state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Write a step's metrics, or the validation loss. Raises RecipeError when a loss is no number any more."""
        logs, self._logged = logs or {}, time.monotonic()
        if "eval_loss" in logs:
            self._evaluated(state, control, logs["eval_loss"])
        elif "loss" in logs:
            self._check_number(state.global_step, float(logs["loss"]), args.fp16)
            speed = self._steps_per_second()
            self.events.append(
                "metrics",
                step=state.global_step,
                of=state.max_steps,
                loss=round(float(logs["loss"]), 5),
                **_told(self._trained),
                learning_rate=logs.get("learning_rate"),
                grad_norm=_rounded(logs.get("grad_norm")),
                epoch=_rounded(logs.get("epoch")),
                examples_per_second=speed
                and round(speed * args.train_batch_size * args.gradient_accumulation_steps, 1),
                seconds_left=speed and round((state.max_steps - state.global_step) / speed, 1),
            )

    def _check_number(self, step: int, loss: float, fp16: bool) -> None:
        if math.isfinite(loss):
            return
        if step == 1:
            raise RecipeError(
                "The loss is no number from the first step on, so the base model itself gives none here. Choose 32-bit "
                "weights and switch mixed precision off, or another model.",
                field="precision",
            )
        raise RecipeError(
            f"The loss stopped being a number at step {step}: the steps were too large. Lower the learning rate "
            f"({self.plan.learning_rate:g}) to a tenth and train again"
            + (", or switch mixed precision off: this card's 16 bits end at 65,504." if fp16 else "."),
            field="training.learning_rate",
        )

    def _evaluated(self, state: TrainerState, control: TrainerControl, loss: float) -> None:
        told = _told(self._looked)
        self.events.append("evaluated", step=state.global_step, loss=round(float(loss), 5), **told)
        value = {"loss": float(loss), **told.get("measures", {})}.get(self.chooser.name)
        if value is not None and self.chooser.is_better(value, state.best_metric):
            state.best_metric, state.best_global_step = value, state.global_step
        best = state.best_global_step or 0
        worse = sum("eval_loss" in entry and entry["step"] > best for entry in state.log_history)
        if self.plan.patience and worse >= self.plan.patience:
            control.should_training_stop = True
            control.should_save = True

    def _sample(self, step: int) -> None:
        if self.sampler:
            began = time.monotonic()
            self.events.append("sampled", step=step, samples=self.sampler.ask())
            self._resting += time.monotonic() - began

    def _steps_per_second(self) -> float | None:
        if len(self._moments) < 2:
            return None
        return (len(self._moments) - 1) / max(1e-6, self._moments[-1] - self._moments[0])


def _told(tally: Tally) -> dict[str, Any]:
    measures = tally.take()
    return {"measures": measures} if measures else {}


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 5)
