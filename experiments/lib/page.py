"""One page of all results, results/index.html: figures, the ledger of claims, and the record behind each figure.

Self-contained: pictures are inside it, nothing is loaded from elsewhere, no script runs.
"""

import base64
import html
import io
import json
import re
from pathlib import Path

from diffnet_tf import files
from experiments.lib import ledger, records, registry

NAME = "index.html"
WIDEST = 1400  # pixels of a picture in the page
LONGEST = 3_000  # characters of one entry of a record; longer ones are left to the record's file

HEAD = """<h1>DiffNet in TensorFlow and Keras: results</h1>
<p>What was run to reproduce S. Arridge and A. Hauptmann, <i>Networks for Nonlinear Diffusion Problems in Imaging</i>,
Journal of Mathematical Imaging and Vision 62 (2020) 471–487.</p>"""
META = """<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><title>DiffNet: results</title>"""
STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
nav a { margin-right: .8rem; white-space: nowrap; }
figure { margin: 1rem 0; } figure img { max-width: 100%; height: auto; background: white; border-radius: 4px; }
details { margin: .5rem 0 1rem; } summary { cursor: pointer; }
pre { overflow-x: auto; background: var(--soft); padding: .7rem; font-size: .8rem; border-radius: 4px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .5rem; border-bottom: 1px solid var(--line); }
td:last-child { font-weight: 600; white-space: nowrap; }
code { overflow-wrap: anywhere; }
@media (max-width: 45rem) {
  thead { display: none; } table, tbody, tr, td { display: block; }
  tr { border-bottom: 2px solid var(--line); padding: .4rem 0; } td { border: 0; padding: .1rem .3rem; }
  td[data-label]:not(:empty)::before { content: attr(data-label) ": "; opacity: .7; font-weight: 400; }
}
"""


def write(root, names):
    """Write the page of a results folder.

    Args:
        root: the folder.
        names: of the experiments that have a record there, in their order.

    Returns:
        The page's path.
    """
    root = Path(root)
    links = " ".join(f'<a href="#{name}">{html.escape(registry.get(name).TITLE)}</a>' for name in names)
    parts = [_section(name, root / name) for name in names]
    ledgers = [
        f'<h2 id="{anchor}">{html.escape(each.title)}</h2>\n{ledger.page(each, root)}'
        for anchor, each in (("claims", ledger.PAPER), ("beyond", ledger.BEYOND))
    ]
    body = "\n".join([HEAD, f"<nav>{links}</nav>", *ledgers, *parts])
    head = f'<!doctype html>\n<html lang="en"><head>{META}<style>{STYLE}</style></head>'
    files.write_text(root / NAME, f"{head}\n<body>\n{body}\n</body></html>\n")
    return root / NAME


def _section(name, folder):
    """An experiment's part of the page; of a record that is damaged, the reason."""
    try:
        return _shown(name, records.load(folder)[0], folder / records.FIGURE)
    except Exception as error:  # the others are shown all the same
        reason = str(error) if isinstance(error, (ValueError, OSError)) else f"{type(error).__name__}: {error}"
        title = html.escape(registry.get(name).TITLE)
        return f'<h2 id="{name}">{title}</h2>\n<p>Its record {ledger.BROKEN}: {html.escape(reason)}</p>'


def _shown(name, record, picture):
    shown = {key: value for key, value in record.items() if len(json.dumps(value)) <= LONGEST}
    left_out = [key for key in record if key not in shown]
    note = f"<p>Without {', '.join(left_out)}: see {name}/{records.RECORD}.</p>" if left_out else ""
    # Lists of numbers on one line each.
    text = re.sub(r"\[[^][{}]*\]", lambda m: " ".join(m[0].split()), json.dumps(shown, indent=1, ensure_ascii=False))
    title = html.escape(record["title"])
    return (
        f'<h2 id="{name}">{title}</h2>\n<figure><img alt="{title}" src="{_inline(picture)}">'
        f"<figcaption>{html.escape(registry.get(name).caption(record))}</figcaption></figure>\n"
        f"<details><summary>Record</summary>{note}<pre>{html.escape(text)}</pre></details>"
    )


def _inline(picture):
    """A picture as a data URL; as WebP, a fifth of the PNG. (Pillow comes with Matplotlib.)"""
    from PIL import Image

    with Image.open(picture) as image:
        image = image.convert("RGB")
        image.thumbnail((WIDEST, 10 * WIDEST))
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=85)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
