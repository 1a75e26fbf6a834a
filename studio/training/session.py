"""One training session, from recipe to last checkpoint: loads, tokenises, attaches, trains.

The worker's second half; everything heavy is imported here. Says each phase as an event before it begins.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from transformers import TrainingArguments, set_seed

from studio.answering.judge import load_judges
from studio.checkpoints.address import resolve
from studio.checkpoints.made_on import check_resumed
from studio.checkpoints.weights import load_stack
from studio.errors import RecipeError, WorkspaceError
from studio.estimates.activations import NotMeasured, Spared
from studio.estimates.counting import find_shape
from studio.estimates.estimate import choose_spared, count_computing, count_step_tokens, find_step_kind
from studio.estimates.time import Speed, StepKind, measure_run, save_speed
from studio.foreign import Original
from studio.models.device import DeviceFacts, find_device, try_device
from studio.models.encoders import reads_whole
from studio.models.loading import (
    choose_attention,
    find_context,
    find_model_folder,
    leave_a_core,
    load_tokenizer,
)
from studio.objectives.embedding import Embedding
from studio.objectives.objective import Need, Objective, list_rows
from studio.precisions.precision import find_dtype
from studio.recipes.options import OPTIMISERS, Plan
from studio.recipes.recipe import Recipe
from studio.rewards import Scorer
from studio.runs.event import EventWriter
from studio.runs.run import Run
from studio.tasks.mixture import Examples, take_examples
from studio.tasks.store import TaskStore
from studio.tasks.task import Task
from studio.training.batch import Batcher, ExampleBatcher, ExampleDataset
from studio.training.cores import Cores
from studio.training.embedding import Chooser, EmbeddingTrainer
from studio.training.examiner import examine
from studio.training.fast.checkpointing import checkpoint_layers
from studio.training.fast.words_on_host import put_words_on_host
from studio.training.headed import find_width
from studio.training.judging import RewardTrainer
from studio.training.prepared import Prepared, encode_examples
from studio.training.reference import find_reference
from studio.training.rollouts import PlaceDataset, RolloutTrainer, collect, find_reward, list_prompts, try_rewards
from studio.training.sampling import Answerer, Sampler
from studio.training.trainer import MethodSteps, Reporter, StudioTrainer
from studio.training.trial import Trial, Tried
from studio.works.work import Outcome
from studio.workspace import Workspace

READ_FROM = (Original("transformers.TrainingArguments.n_gpu", "5.23.0", "9a0016db12fe"),)

SERVED: frozenset[Need] = frozenset({"embeddings", "reference", "samples", "value_head", "reward_head"})
"""What an objective may need that this training can give."""
HEADED: frozenset[Need] = frozenset({"value_head", "reward_head"})
"""What an objective needs a head of its own for."""
ENOUGH_STEPS = 20
"""A run of fewer steps says little about the speed of the device."""


def train(workspace: Workspace, run: Run, events: EventWriter) -> Outcome:
    """Execute the run's recipe, going on from its newest checkpoint if it has one. Raises StudioError in words."""
    began = time.monotonic()
    recipe, device = run.load_recipe(), try_device(find_device())
    check_needs(recipe.objective)
    leave_a_core(device)
    set_seed(recipe.training.seed)

    events.append_phase(2)
    stack = resolve(workspace, recipe.base)
    folder = find_model_folder(stack.base)
    made_on, tokenizer = check_resumed(run.find_resumable().folder, run.name, folder), load_tokenizer(folder)
    base = load_stack(stack, recipe.held_in, device, gradients=True)
    if run.stop_file.exists():
        return Outcome(run.find_resumable().step, finished=False)  # it stays where it was

    events.append_phase(3)
    tasks = TaskStore(workspace).load_parts(recipe.parts)
    examples = take_examples(tasks, [part.weight for part in recipe.mixture], recipe.training.seed)
    room = find_context(base) - recipe.method.virtual_tokens
    prepared = encode_examples(examples, recipe.objective, tokenizer, min(recipe.training.max_length, room))
    choose_attention(base, device, prepared.longest, recipe.training.attention)
    parameters, dtype = base.num_parameters(), (half := recipe.choose_half(device)) and find_dtype(half)
    plan = make_plan(recipe, parameters, prepared)
    answerer = make_answerer(base, tokenizer, recipe.objective, dtype, tasks[0], prepared)
    judges = load_judges(workspace, recipe.objective.list_models(), device)
    try_rewards(run, recipe.objective, answerer, prepared.train, prepared.mixed, room, judges)
    sampler = make_sampler(plan, recipe.objective, answerer, examples, tasks[0], room, judges)
    examiner = examine(run, events, plan, recipe, tasks[0], answerer, room, stack.base, prepared.train, judges)
    began += examiner.meter.spent if examiner else 0.0  # which isn't what a start takes
    model, batcher, tried = attach_method(base, recipe, plan, prepared, tokenizer, folder, device)
    answerer.model = model
    events.append("prepared", **prepared.sizes(), ways=[one._asdict() for one in tried])
    events.append("counted", **count_weights(model, recipe.objective))
    reference = find_reference(run, recipe, prepared.parts, model, batcher, plan.batch_size, dtype)
    if run.stop_file.exists() or reference is None:
        return Outcome(run.find_resumable().step, finished=False)  # it stays where it was

    events.append_phase(4)
    make_trainer = choose_trainer(recipe.objective, prepared, batcher, reference, answerer, room, judges)
    trainer = make_trainer(
        run=run,
        recipe=recipe,
        events=events,
        base=made_on,
        model=model,
        args=make_arguments(run, recipe, plan, device),
        processing_class=tokenizer,
        callbacks=[MethodSteps(recipe.method, model), Cores(device)],
    )
    chooser = recipe.objective.find_chooser()
    reporter = Reporter(run, events, plan, sampler, trainer.trained, trainer.looked, chooser, examiner)
    take_steps(trainer, reporter, run, plan)
    if len(reporter.step_moments) >= ENOUGH_STEPS:
        tokens = count_step_tokens(recipe, prepared.size(recipe.objective.longest_written), plan.batch_size)
        computing = count_computing(recipe, find_shape(folder))
        speed = measure_run(began, reporter.step_moments, computing, tokens)
        keep_speed(workspace, device, find_step_kind(recipe, folder, device), speed)
    return Outcome(trainer.state.global_step, finished=not reporter.stopped)


def make_plan(recipe: Recipe, parameters: int, prepared: Prepared) -> Plan:
    """Return how a recipe trains; where there is no validation part, nothing is measured on it."""
    plan = recipe.plan(parameters, len(prepared.train))
    return plan if prepared.validation else plan._replace(evaluate_every=0)


def make_answerer(
    base: Any, tokenizer: Any, objective: Objective, dtype: Any, task: Task, prepared: Prepared
) -> Answerer:
    """Return what answers while the run trains, by writing or by choosing; a base of 16 bits does so in `dtype`."""
    narrow = dtype if base.dtype.itemsize == 2 else None
    if not isinstance(objective, Embedding):
        return Answerer(base, tokenizer, objective, narrow)
    known = objective.list_known(task, prepared.taken, [one.instance.output for one in prepared.mixed])
    return Chooser(base, tokenizer, objective, known, narrow, objective.list_shown(task, prepared.validation))


def make_sampler(
    plan: Plan,
    objective: Objective,
    answerer: Answerer,
    examples: Examples,
    task: Task,
    room: int,
    judges: Mapping[str, Scorer],
) -> Sampler | None:
    """Return what shows sample answers of a task while the run trains, None where none are wanted or written."""
    if not plan.sample_every or objective.makes != "answer":
        return None
    asked = tuple(one.instance for one in examples.validation if one.task is task)
    return Sampler(task, asked, objective, answerer, room, find_reward(objective, judges))


def choose_trainer(
    objective: Objective,
    prepared: Prepared,
    batcher: Batcher,
    reference: Sequence[Any],
    answerer: Answerer,
    room: int,
    judges: Mapping[str, Scorer],
) -> Callable[..., StudioTrainer]:
    """Return what makes an objective's trainer of what all trainers take: it learns from examples, or from answers that
    are written while it trains."""
    if "samples" in objective.needs:
        return partial(
            RolloutTrainer,
            prompts=list_prompts([*prepared.train, *prepared.validation], prepared.mixed, objective),
            batcher=batcher,
            ends=answerer.ends,
            room=room,
            judges=judges,
            train_dataset=PlaceDataset(prepared.train),
            eval_dataset=PlaceDataset(prepared.validation, len(prepared.train)),
            data_collator=collect,
        )
    kind: Callable[..., StudioTrainer] = RewardTrainer if "reward_head" in objective.needs else StudioTrainer
    if isinstance(answerer, Chooser):
        kind = partial(EmbeddingTrainer, chooser=answerer)
    return partial(
        kind,
        train_dataset=ExampleDataset(prepared.train, reference[0]),
        eval_dataset=ExampleDataset(prepared.validation, reference[1]),
        data_collator=ExampleBatcher(batcher),
    )


def attach_method(
    base: Any, recipe: Recipe, plan: Plan, prepared: Prepared, tokenizer: Any, folder: Path, device: DeviceFacts
) -> tuple[Any, Batcher, list[Tried]]:
    """Return the model that trains, what makes its batches, and what was tried to train it sooner."""
    model = recipe.method.attach(base)
    if recipe.choose_half(device):
        widen_trained(model)
    recipe.method.begin(model, plan.steps)
    again = checkpoint(model, recipe, folder, prepared, device)
    batcher, tried = make_batcher(model, recipe, device, tokenizer, prepared, plan.batch_size * prepared.rows_each)
    return model, batcher, [*tried, *again]


def widen_trained(model: Any) -> None:
    """Hold in 32 bits what trains: some methods begin it as wide as the base, and in 16 bits no small step is felt."""
    for value in model.parameters():
        if value.requires_grad and value.element_size() == 2:
            value.data = value.data.float()


def checkpoint(model: Any, recipe: Recipe, folder: Path, prepared: Prepared, device: DeviceFacts) -> list[Tried]:
    """Checkpoint as many layers as the memory needs, where a recipe allows it; return in words how many."""
    if not recipe.training.gradient_checkpointing:
        return []
    try:
        spared = choose_spared(recipe, folder, prepared.size(recipe.objective.longest_written), device)
    except NotMeasured:
        spared = Spared()
    number = checkpoint_layers(model, spared.whole, spared.on_host)
    tried = [Tried(f"{number} layers are computed twice, {spared.whole} are kept whole", True)]
    if spared.words:
        tried.append(Tried("the table of words lies in the computer's own memory", put_words_on_host(model)))
    return [*tried, Tried("what goes into them waits in the computer's own memory", True)] if spared.on_host else tried


def check_needs(objective: Objective) -> None:
    """Raise RecipeError for an objective that needs what no training here gives."""
    lacking = ", ".join(sorted(objective.needs - SERVED)).replace("_", " ")
    if lacking:
        raise RecipeError(
            f"{objective.title} needs {lacking}, which training doesn't offer yet. Choose another objective.",
            field="objective.name",
        )


def keep_speed(workspace: Workspace, device: DeviceFacts, kind: StepKind, speed: Speed) -> None:
    """Keep how fast this device trained. A disk that has no room for it spoils no run that is saved."""
    try:
        save_speed(workspace.cache, device, kind, speed)
    except WorkspaceError as error:
        print(f"How fast it trained could not be kept: {error}")


def take_steps(trainer: StudioTrainer, reporter: Reporter, run: Run, plan: Plan) -> None:
    """Train to the last step, or until a person stops it, and let it be told."""
    trainer.add_callback(reporter)
    go_on(trainer, run, plan)
    if not reporter.stopped:
        reporter.finish(trainer)


def go_on(trainer: StudioTrainer, run: Run, plan: Plan) -> None:
    """Train from the run's newest checkpoint, or from the start, and leave a checkpoint of the last step."""
    run.clear_leavings()
    steps = run.list_checkpoints()
    if steps and steps[-1] >= plan.steps:  # it was killed between its last checkpoint and its last event
        trainer.state.global_step = steps[-1]
        return
    if plan.evaluate_every:
        trainer.rehearse_evaluation()
    resumable = run.find_resumable().folder
    trainer.train(resume_from_checkpoint=str(resumable) if resumable else None)
    if trainer.state.global_step not in run.list_checkpoints():
        trainer.save_now()
    run.clear_leavings()


def make_batcher(
    model: Any, recipe: Recipe, device: DeviceFacts, tokenizer: Any, prepared: Prepared, examples: int
) -> tuple[Batcher, list[Tried]]:
    """Return what makes batches for this model in the fastest way that changes nothing, and what was tried for it.

    There are `examples` in a batch.
    """
    batcher, options, half = Batcher(tokenizer.pad_token_id), recipe.training, recipe.choose_half(device)
    if reads_whole(model):
        return Batcher(batcher.pad_id, padding="alone"), [Tried("rows are padded on the right, under a mask", True)]
    if recipe.objective.packs:
        batcher.line = prepared.longest
    rows = list_rows([*prepared.train, *prepared.validation])
    dtype, at_once = find_dtype(half) if half else None, examples * max(map(len, prepared.train))
    trial = Trial(model, batcher, rows, dtype, at_once, device.kind == "cuda")
    return batcher, trial.choose(options.shares_beginnings, keep_copies=not options.gradient_checkpointing)


def make_arguments(run: Run, recipe: Recipe, plan: Plan, device: DeviceFacts) -> TrainingArguments:
    """Return the plan in the words of transformers, for one device."""
    options, half = recipe.training, recipe.choose_half(device)
    arguments = TrainingArguments(
        output_dir=str(run.checkpoints_folder / ".beside"),
        max_steps=plan.steps,
        learning_rate=plan.learning_rate,
        per_device_train_batch_size=plan.batch_size,
        per_device_eval_batch_size=recipe.objective.looked_at_once or plan.batch_size,
        gradient_accumulation_steps=options.gradient_accumulation,
        lr_scheduler_type="constant_with_warmup" if options.schedule == "constant" else options.schedule,
        warmup_steps=int(options.warmup_ratio * plan.steps),
        weight_decay=options.weight_decay,
        max_grad_norm=options.max_grad_norm,
        bf16=half == "bf16",
        fp16=half == "fp16",
        use_cpu=device.kind == "cpu",
        seed=options.seed,
        data_seed=options.seed,
        logging_steps=plan.steps if device.kind == "cuda" else max(1, plan.steps // 2000),  # there by time
        logging_first_step=True,
        logging_nan_inf_filter=False,
        eval_strategy="steps" if plan.evaluate_every else "no",
        eval_steps=plan.evaluate_every or None,
        save_strategy="steps" if plan.save_every else "no",
        save_steps=plan.save_every or 500,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=device.kind == "cuda",
        accelerator_config={"non_blocking": device.kind == "cuda"},
        label_names=["labels"],
        prediction_loss_only=True,
        optim=OPTIMISERS[options.optimiser].name,
        neftune_noise_alpha=options.neftune_alpha or None,
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # of several cards each would get a part of a batch that is one whole
    return arguments


def count_weights(model: Any, objective: Objective) -> dict[str, int]:
    """Return how many weights train and how many there are, those of an objective's own head among them."""
    head = objective.count_head(find_width(model)) if objective.needs & HEADED else 0
    return {"trainable": count_all(model, only_trainable=True) + head, "total": count_all(model) + head}


def count_all(model: Any, only_trainable: bool = False) -> int:
    """Return the parameters of a model, counting 4-bit weights as what they stand for."""
    return sum(
        p.numel() * (2 * p.element_size() if type(p).__name__ == "Params4bit" else 1)
        for p in model.parameters()
        if p.requires_grad or not only_trainable
    )
