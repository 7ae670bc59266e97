"""Every reader of files against mutated files: each ends in a result or in an error that names the file.

    python -m tests.fuzzing READER --cases 100000            # a longer run
    python -m tests.fuzzing READER --seed 0 --case 123       # one case again; its files are kept

A reader runs in a process of its own, so that a crash, a hang and memory can be told apart from an error, and laid to
the case that did it. A case is a function of the seed and its number, given the versions of the encoders that write
the unharmed files. Readers that need no Keras run without it: starting is quicker, and limits on memory are tighter.
"""

import datetime
import os

# New every day; an environment variable gives that of another day.
SEED = int(os.environ.get("FUZZ_SEED") or datetime.date.today().strftime("%Y%m%d"))
