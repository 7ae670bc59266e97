"""Reading and writing of text, JSON, arrays, images and models: written completely or not at all, checked when read."""

from diffnet_tf.files.writing import (
    check_writable,
    json_text,
    replacing,
    temporary,
    write,
    write_bytes,
    write_json,
    write_text,
    write_together,
)

__all__ = [
    "check_writable",
    "json_text",
    "replacing",
    "temporary",
    "write",
    "write_bytes",
    "write_json",
    "write_text",
    "write_together",
]
