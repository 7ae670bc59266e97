"""A contestant's process: prepares a task, warms up, and does it once for each line it reads. See `timing.Worker`."""

import importlib
import json
import os
import resource
import sys
import time

WARM_UP = 2


def main(task, options, warm_up=WARM_UP):
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    module, _, name = task.partition(":")
    once, items = getattr(importlib.import_module(module), name)(**options)
    for _ in range(warm_up):
        once()
    print(json.dumps(items), file=answers, flush=True)
    for _ in sys.stdin:
        start, used = time.perf_counter(), time.process_time()
        once()
        seconds, used = time.perf_counter() - start, time.process_time() - used
        memory = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps([seconds, memory, used]), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]))
