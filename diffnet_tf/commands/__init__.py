"""The commands of `python -m diffnet_tf`. Each is a module with add_arguments(parser) and run(arguments) → exit status.

The commands that apply a network share `models`. `run` imports whatever loads Keras, so that `--help` appears at once.
"""
