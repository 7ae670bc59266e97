"""Files, written whole or not at all and read with suspicion: text, JSON, arrays, images, models."""

from diffnet_tf.files.writing import (
    check_writable,
    json_text,
    replacing,
    temporary,
    write,
    write_bytes,
    write_json,
    write_text,
)

__all__ = ["check_writable", "json_text", "replacing", "temporary", "write", "write_bytes", "write_json", "write_text"]
