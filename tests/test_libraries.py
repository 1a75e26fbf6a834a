"""Two threads that are the first to need the libraries both get them, in a process that has imported none, without
torch's compiler.
"""

import subprocess
import sys
from pathlib import Path

import pytest

TWO_AT_ONCE = """
import sys, threading
from pathlib import Path
from studio.estimates.counting import find_shape
from studio.models.loading import load_tokenizer
from studio.models.reference import BUILTIN_FOLDER

assert "transformers" not in sys.modules
errors, start = [], threading.Barrier(4)

def work(function):
    start.wait()
    try:
        function(BUILTIN_FOLDER)
    except BaseException as error:
        errors.append(repr(error))

threads = [threading.Thread(target=work, args=(one,)) for one in (find_shape, load_tokenizer) * 2]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(errors, "torch._inductor.compile_fx" in sys.modules)
"""


@pytest.mark.long
def test_two_threads_may_be_the_first_and_no_compiler_is_imported() -> None:
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", TWO_AT_ONCE], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[] False"
