"""The figures that the README quotes are those of the file that holds them."""

from pathlib import Path

from bench.readme import write_readme

README = Path(__file__).parents[1] / "README.md"


def test_the_readme_quotes_the_scores() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == write_readme(text), "Run `python -m bench.readme`."
