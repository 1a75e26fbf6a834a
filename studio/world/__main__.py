"""One command that makes the built-in base model again: `python -m studio.world`.

Knows: the order of the work (corpus and tokenizer, pretraining, export) and its command line.
Does not know: how any of these is done.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from platformdirs import user_cache_path

from studio.world.export import export_base
from studio.world.pretraining import Recipe, pretrain
from studio.world.tokenizer import save_tokens

BASE_FOLDER = Path(__file__).resolve().parents[2] / "assets" / "base"
BUILD_FOLDER = user_cache_path("fine-tuning-studio", appauthor=False) / "little-world"
# What the weights in assets/base were made with.
STEPS = 3700
SHARDS = 300


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m studio.world", description="Makes the built-in base model again.")
    parser.add_argument("--steps", type=int, default=STEPS, help="optimizer steps of 8,192 tokens (%(default)s)")
    parser.add_argument(
        "--shards", type=int, default=SHARDS, help="parts of the corpus, 0.2 M tokens each (%(default)s)"
    )
    parser.add_argument(
        "--build-folder", type=Path, default=BUILD_FOLDER, help="for tokens, log and checkpoints; 3 GB (%(default)s)"
    )
    parser.add_argument("--into", type=Path, default=BASE_FOLDER, help="where the model goes (assets/base)")
    parser.add_argument("--no-compile", action="store_true", help="without torch.compile: starts sooner, runs slower")
    parser.add_argument("--export-only", action="store_true", help="only write the latest checkpoint as a model")
    return parser.parse_args()


def main() -> None:
    """Makes what is missing in the build folder, continues the pretraining, writes the model and its card."""
    arguments = _parse_arguments()
    build_folder: Path = arguments.build_folder
    build_folder.mkdir(parents=True, exist_ok=True)
    if not arguments.export_only:
        if not (build_folder / "train.bin").exists():
            save_tokens(build_folder, arguments.shards)
        pretrain(build_folder, Recipe(steps=arguments.steps, compiled=not arguments.no_compile))
    export_base(build_folder, arguments.into)


if __name__ == "__main__":
    main()
