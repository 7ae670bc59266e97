"""Hooks of MkDocs: pages, pictures and records outside docs/ are part of the site, under their paths in the repository.

So one link serves both readers: on GitHub it leads to the file, on the site to its copy. A link to code or to a folder
is plain text on the site.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.plugins import event_priority
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md", "diffnet_tf/networks/weights/README.md")
OTHERS = ("notebooks/*.ipynb", "results/**/*.png", "results/**/*.json", "experiments/data/*.sha256", "LICENSE")
KEPT = re.compile(r"(<pre.*?</pre>|<code.*?</code>|<[^>]*>)", re.DOTALL)  # code and tags of a page
UNIT = re.compile(r"(?<=\d)\s(?=%|dB\b)|(?<=±)\s(?=\d)")  # the space between a number and its unit
LINK = re.compile(r"(?P<text>!?\[(?:[^][]|\[[^][]*\])*\])\((?!\w+:|#|/)(?P<path>[^)#\s]+)(?P<rest>[^)]*)\)")


@event_priority(100)  # before the plugin that turns notebooks into pages
def on_files(files, config):
    """Add what stands outside docs/."""
    there = {file.src_uri for file in files}
    for pattern in PAGES + OTHERS:
        for path in sorted(ROOT.glob(pattern)):
            uri = path.relative_to(ROOT).as_posix()
            if uri not in there:
                files.append(File(uri, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(markdown, page, files, **_):
    """Links between paths of the repository become links between paths of the site."""
    source = page.file.src_uri
    here = posixpath.dirname(f"docs/{source}" if (ROOT / "docs" / source).exists() else source)

    def moved(match):
        target = posixpath.normpath(posixpath.join(here, match["path"]))
        uri = "index.md" if target == "README.md" else target.removeprefix("docs/")
        if files.get_file_from_path(uri) is None and (ROOT / target).exists():
            return match["text"].removeprefix("!")[1:-1]
        return f"{match['text']}({posixpath.relpath(uri, posixpath.dirname(source) or '.')}{match['rest']})"

    return LINK.sub(moved, markdown)


def on_page_content(html, **_):
    """No line ends between a number and its ±, % or dB. Code is left as it is, so that it can be copied."""
    parts = KEPT.split(html)
    parts[::2] = [re.sub(UNIT, "\N{NO-BREAK SPACE}", part) for part in parts[::2]]
    return "".join(parts)
