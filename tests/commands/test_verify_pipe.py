"""Reading only the first lines of a long answer is no error."""

import subprocess
import sys

from tests.conftest import ROOT, slow


@slow
def test_a_reader_may_leave():
    command = f"{sys.executable} -m diffnet_tf verify --results_dir results --verbose | head -n 1"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("The paper's claims") and "pipe" not in done.stderr
