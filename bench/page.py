"""How soon the page is there: `python app.py` against a gradio page with one text."""

import sys
import tempfile

from bench.figure import Figure, median_of, time_until_line

HELLO = """
import gradio
with gradio.Blocks() as page:
    gradio.Markdown("hello")
page.launch(server_port=7998, prevent_thread_lock=True, quiet=True)
print("ready", flush=True)
import time; time.sleep(60)
"""


def measure() -> list[Figure]:
    """Seconds from the command to the line that says the page is there, with warm file caches."""
    quiet = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_SERVER_PORT": "7997"}
    with tempfile.TemporaryDirectory() as home:
        studio = [sys.executable, "app.py"]
        time_until_line(studio, "Fine-Tuning Studio:", STUDIO_HOME=home, **quiet)
        ours = median_of(3, lambda: time_until_line(studio, "Fine-Tuning Studio:", STUDIO_HOME=home, **quiet))
    hello = median_of(3, lambda: time_until_line([sys.executable, "-c", HELLO], "ready", **quiet))
    return [Figure("page ready", ours, "s", hello, "a bare gradio page", "at most 1.3 x")]
