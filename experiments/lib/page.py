"""One page of all results, results/index.html: a summary, the figures, and the ledgers of claims.

Self-contained: pictures are inside it, nothing is loaded from elsewhere, no script runs.
"""

import base64
import html
import io
import json
import re
from pathlib import Path

from diffnet_tf import figures, files
from experiments.lib import captions, cover, ledger, pictures, records, registry, unets

NAME = "index.html"
WIDEST = 1_200  # pixels of a picture in the page
LONGEST = 3_000  # characters of one entry of a record; longer ones are left to the record's file

HEAD = """<h1>DiffNet in TensorFlow and Keras: results</h1>
<p>DiffNet is a small network whose layers are steps of a diffusion with learned coefficients; it undoes the blur of
Perona–Malik diffusion, also from noisy images. This page shows what was run to reproduce S. Arridge and A. Hauptmann,
<i>Networks for Nonlinear Diffusion Problems in Imaging</i>, Journal of Mathematical Imaging and Vision 62 (2020)
471–487, and what was found beyond it.</p>"""
META = """<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><title>DiffNet: results</title>"""
STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
nav a { display: inline-block; margin-right: .8rem; }
figure { margin: 1rem 0; }
figure img { width: 44rem; max-width: 100%; height: auto; background: white; border-radius: 4px; }
figure.wide img { width: 100%; } figure.narrow img { width: 32rem; }
figcaption { max-width: 44rem; }
.from { font-size: .8rem; opacity: .75; margin: .2rem 0; max-width: 44rem; }
details { margin: .5rem 0 1rem; } summary { cursor: pointer; } summary h2 { display: inline; }
pre { overflow-x: auto; background: var(--soft); padding: .7rem; font-size: .8rem; border-radius: 4px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .5rem; border-bottom: 1px solid var(--line); }
td:last-child { font-weight: 600; }
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
        names: names of the experiments with a record there, in order.

    Returns:
        The page's path.
    """
    root = Path(root)
    anchors = {"claims": ledger.PAPER, "beyond": ledger.BEYOND}
    rows = {anchor: each.rows(root) for anchor, each in anchors.items()}
    titles = {name: registry.get(name).TITLE for name in names} | {a: each.title for a, each in anchors.items()}
    links = " ".join(f'<a href="#{anchor}">{html.escape(title)}</a>' for anchor, title in titles.items())
    totals = "".join(f"<li>{html.escape(ledger.total(each, rows[a]))}</li>" for a, each in anchors.items())
    ledgers = [
        f'<details id="{anchor}"><summary><h2>{html.escape(each.title)}</h2></summary>\n'
        f"{ledger.page(each, rows[anchor])}</details>"
        for anchor, each in anchors.items()
    ]
    body = [HEAD, f"<ul>{totals}</ul>", _lead(root), f"<nav>{links}</nav>", _notes(root, names)]
    body += [*(_section(name, root / name) for name in names), *ledgers]
    head = f'<!doctype html>\n<html lang="en"><head>{META}<style>{STYLE}</style></head>'
    files.write_text(root / NAME, f"{head}\n<body>\n{chr(10).join(filter(None, body))}\n</body></html>\n")
    return root / NAME


def _lead(root):
    """The wide picture at the top, if its records exist."""
    try:
        found = cover.load(root)
    except (OSError, ValueError, KeyError):  # the parts of the page say which records are damaged
        return ""
    if found is None:
        return ""
    buffer = io.BytesIO()
    cover.draw(*found).savefig(buffer, format="png", dpi=cover.DPI)
    return _figure(buffer, cover.alt(*found), cover.caption(*found), "wide")


def _notes(root, names):
    """The notes of the records about the images, each once."""
    found = {}
    for name in names:
        try:
            note = records.load(root / name)[0].get("note") if name != unets.HOME else None  # those are of a GPU
        except (OSError, ValueError):
            continue
        found |= dict.fromkeys(re.split(r"[.;] +", (note or "").removesuffix(".")))
    said = html.escape("; ".join(filter(None, found)))
    return f"<p>Images: {said}.</p>" if said else ""


def _section(name, folder):
    """An experiment's part of the page; for a damaged record, the reason."""
    try:
        return _shown(name, records.load(folder)[0], folder)
    except Exception as error:  # the others are shown all the same
        reason = str(error) if isinstance(error, (ValueError, OSError)) else f"{type(error).__name__}: {error}"
        title = html.escape(registry.get(name).TITLE)
        return f'<h2 id="{name}">{title}</h2>\n<p>Its record {ledger.BROKEN}: {html.escape(reason)}</p>'


def _shown(name, record, folder):
    """Title, pictures with their captions, where the record comes from, and the record itself."""
    shown = {key: value for key, value in record.items() if len(json.dumps(value)) <= LONGEST}
    left_out = [key for key in record if key not in shown]
    note = f"<p>Without {', '.join(left_out)}: see {name}/{records.RECORD}.</p>" if left_out else ""
    # Lists of numbers on one line each.
    text = re.sub(r"\[[^][{}]*\]", lambda m: " ".join(m[0].split()), json.dumps(shown, indent=1, ensure_ascii=False))
    drawn = [
        _figure(folder / f"{stem}.png", alt, caption)
        for stem, caption, alt in pictures.told(registry.get(name), record)
    ]
    return (
        f'<h2 id="{name}">{html.escape(record["title"])}</h2>\n{"".join(drawn)}\n'
        f'<p class="from">From: {html.escape(captions.provenance(record))}</p>\n'
        f"<details><summary>Record</summary>{note}<pre>{html.escape(text)}</pre></details>"
    )


def _figure(picture, alt, caption, kind=""):
    """A picture with its caption as text, so the caption in the file is cut off."""
    data, narrow = _inline(picture)
    kind = kind or ("narrow" if narrow else "")
    words = html.escape(alt, quote=True)
    return (
        f'<figure{f" class={kind!r}" if kind else ""}><img alt="{words}" src="{data}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _inline(picture):
    """A picture as a data URL, and whether it is narrow. WebP takes a fifth of PNG. (Matplotlib needs Pillow.)"""
    from PIL import Image

    with Image.open(picture) as image:
        below = int(image.info.get(figures.CAPTION_PIXELS, 0))
        image = image.convert("RGB").crop((0, 0, image.width, image.height - below))
        narrow = image.width < 0.75 * figures.DPI * figures.WIDTH
        image.thumbnail((WIDEST, 10 * WIDEST))
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=85)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}", narrow
