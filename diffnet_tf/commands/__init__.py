"""The commands of `python -m diffnet_tf`: modules with add_arguments(parser), run(arguments) → exit status.

Those that apply a network share `models`. What loads Keras is imported in `run`, so that `--help` need not wait for it.
"""
