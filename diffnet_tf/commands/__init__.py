"""The commands of `python -m diffnet_tf`: modules with add_arguments(parser) and run(arguments) → exit status.

Commands that apply a network share `models`. Modules that load Keras are imported in `run`, so that `--help` is fast.
"""
