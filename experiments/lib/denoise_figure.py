"""The pictures and the tables of `denoise`, from its record (`denoise_record`): NumPy and Matplotlib only."""

from diffnet_tf import figures
from experiments.lib import captions, ledger_tables
from experiments.lib.denoise_record import PUBLISHED, PUBLISHED_AT

OURS = "diffnet"  # the method that the picture is about
MIDDLE = "25"  # σ by whose PSNR methods are sorted
GROUPS = dict(zip(("trained networks", "classical methods", "published"), (*figures.LINES[:2], "black")))  # → colours
TRAINED, CLASSICAL, PAPERS = GROUPS
BESIDE = ("convnet", "tnrd", "bm3d")  # methods that the answer names
TITLES = {"bsd68": "BSD68", "set12": "Set12", "skimage": "photographs of scikit-image"}


def main_set(record):
    """The name of the set that the picture is about: BSD68 or, where it was not measured, the first one."""
    return "bsd68" if "bsd68" in record["sets"] else next(iter(record["sets"]))


def measured(row, name):
    """Level as text → mean PSNR in dB of a row of the record on a set."""
    return {level: of["mean"] for level, of in row["results"].get(name, {}).items()}


def published(row, name):
    """The same of a row of `PUBLISHED`."""
    return dict(zip(map(str, PUBLISHED_AT), row.get(name, ())))


def grouped(record, name):
    """Group → its rows on a set, best first, each (label, method, level → dB). The noisy image is not among them."""
    groups = {group: [] for group in GROUPS}
    for method, row in record["methods"].items():
        if row["kind"] != "input":
            groups[TRAINED if row["kind"] == "network" else CLASSICAL].append(
                (row["label"], method, measured(row, name))
            )
    for method, row in PUBLISHED.items():
        groups[PAPERS].append((row["label"], method, published(row, name)))
    known = {group: sorted((row for row in of if row[2]), key=_order) for group, of in groups.items()}
    return {group: of for group, of in known.items() if of}


def _order(row):
    """Best at σ = 25 first; last what has no number there."""
    return -row[-1].get(MIDDLE, -1.0)


# ---- PSNR of all methods ---------------------------------------------------------------------------------------------


@figures.styled
def draw(record, arrays):
    """A panel for each σ, with a row for each method, in groups."""
    groups = grouped(record, main_set(record))
    lines = sum(len(of) + 1 for of in groups.values())
    figure = figures.canvas(caption(record), figures.WIDTH, 0.165 * lines + 0.6)
    axes = figure.subplots(1, len(record["levels"]), sharey=True, squeeze=False)[0]
    places, labels = [], []
    for group, of in groups.items():
        first = len(labels)
        labels += [group, *(label for label, *_ in of)]
        places += [(first + 1 + k, group, *row) for k, row in enumerate(of)]
    for axis, level in zip(axes, map(str, record["levels"])):
        _dots(axis, places, level)
        axis.set(title=f"σ = {level}", xlabel="mean PSNR in dB", ylim=(lines - 0.4, -0.6))
    axes[0].set_yticks(range(len(labels)), labels)
    for text in axes[0].get_yticklabels():
        if text.get_text() in GROUPS:
            text.set(color=GROUPS[text.get_text()], weight="bold")
    return figure


def _dots(axis, places, level):
    for place, group, _, method, values in places:
        if level not in values:
            continue
        filling = {"markerfacecolor": "white"} if group == PAPERS else {}
        marker = "D" if (method, group) == (OURS, TRAINED) else "o"
        axis.plot(values[level], place, marker, color=GROUPS[group], markersize=4, **filling)
        beside = {"textcoords": "offset points", "va": "center", "fontsize": 8}
        axis.annotate(f"{values[level]:.2f}", (values[level], place), (5, 0), **beside)
        if marker == "D":
            axis.axvline(values[level], color=figures.GRAY, linewidth=0.6, linestyle=":", zorder=0)
    axis.tick_params(axis="y", length=0)
    low, high = axis.get_xlim()
    axis.set_xlim(low - 0.05 * (high - low), high + 0.55 * (high - low))  # room for the numbers


def caption(record):
    """The caption: what is shown, and how to read it."""
    name = main_set(record)
    papers = " Open dots: numbers from papers, with other noise." if PAPERS in grouped(record, name) else ""
    return (
        f"{record['title']}: which denoiser is best? Mean PSNR on {TITLES.get(name, name)} "
        f"({captions.count(record['sets'][name]['count'], 'image')}), σ of 255, the same noise for all that are "
        f"measured here. Diamond, dotted line: DiffNet.{papers}"
    )


def alt(record):
    """The alt text: the best of each group at the middle level."""
    level = MIDDLE if int(MIDDLE) in record["levels"] else str(record["levels"][0])
    best = []
    for group, of in grouped(record, main_set(record)).items():
        label, _, values = of[0]
        best += [f"{group}, {label} with {values[level]:.2f} dB"] if level in values else []
    return (
        f"A panel for each σ, with a row for each method and a dot at its PSNR, in groups. The best of each group at "
        f"σ = {level}: {'; '.join(best)}."
    )


# ---- A photograph ----------------------------------------------------------------------------------------------------


@figures.styled
def draw_photograph(record, arrays):
    """A part of a photograph: without noise, with noise, and after each denoiser with its PSNR."""
    shown = record["photograph"]["images"]
    columns = min(3, len(shown))
    figure, axes = figures.panels(-(-len(shown) // columns), columns, photograph_caption(record), 1.63, 2.0)
    for axis in axes.flat[len(shown) :]:
        axis.set_axis_off()
    for axis, (name, of) in zip(axes.flat, shown.items()):
        psnr = "" if of["psnr"] is None else f"{of['psnr']:.1f} dB"
        figures.image(axis, arrays[f"photograph_{name}"] / 255, f"{of['label']}\n{psnr}")
    return figure


def photograph_caption(record):
    """The caption of the photograph."""
    about = record["photograph"]
    return (
        f"{record['title']}: what does each denoiser make of a photograph? Part of scikit-image's {about['name']} "
        f"with noise of σ = {about['level']} of 255; PSNR of the whole photograph, on which nothing was chosen."
    )


def photograph_alt(record):
    """The alt text of the photograph."""
    about = record["photograph"]
    found = [f"{of['label']} {of['psnr']:.1f} dB" for of in about["images"].values() if of["psnr"] is not None]
    return (
        f"The same part of the photograph {about['name']} without noise, with noise and after each denoiser. PSNR: "
        f"{captions.listed(found)}."
    )


# ---- Tables ----------------------------------------------------------------------------------------------------------


def table(record):
    """A Markdown table with a row for each method, measured here or published, best first."""
    names = [name for name in TITLES if name in record["sets"]] or list(record["sets"])
    levels, times = list(map(str, record["levels"])), record.get("milliseconds_per_image", {})
    rows = []
    for method, row in record["methods"].items():
        of_sets = [measured(row, name) for name in names]
        time = times.get(method, {}).get("median")
        text = "" if time is None else f"{time:,.3g}" if time < 1000 else f"{time:,.0f}"
        rows.append((_label(row), _parameters(row), text, "here", of_sets))
    for row in PUBLISHED.values():
        of_sets = [published(row, name) for name in names]
        if any(of_sets):
            number = f"{row['parameters']:,}" if "parameters" in row else ""
            rows.append((row["label"], number, "", "published", of_sets))
    rows.sort(key=lambda row: _order((row[-1][0],)))
    cells = [
        (label, number, *(_cell(of, levels) for of in of_sets), time, where)
        for label, number, time, where, of_sets in rows
    ]
    sizes = {"×".join(map(str, time["size"])) for time in times.values()}
    ms = f"ms, {sizes.pop()} pixels" if len(sizes) == 1 else "ms"
    columns = (f"{TITLES.get(name, name)}, σ = {' / '.join(levels)}, dB" for name in names)
    return ledger_tables.table(("method", "parameters", *columns, ms, "measured"), cells)


def _cell(values, levels):
    return " / ".join(f"{values[level]:.2f}" if level in values else "–" for level in levels) if values else ""


def _label(row):
    return row["label"] + (f", mean of {len(row['seeds'])} seeds" if len(row["seeds"]) > 1 else "")


def _parameters(row):
    if row["kind"] == "network":
        return f"{row['parameters']:,}"
    return f"{row['parameters']} for each σ" if row["parameters"] else ""


def search_table(record):
    """A Markdown table of the candidates of the search, best first, with their PSNR on validation images."""
    cells = [
        (
            run.get("candidate") or run["name"],
            _differences(run),
            f"{run['parameters']:,}",
            f"{run['steps']:,}",
            f"{run['validation_psnr']:.2f}",
        )
        for run in record["search"]
    ]
    return ledger_tables.table(("candidate", "what it is", "parameters", "steps", "validation, dB"), cells)


def _differences(run):
    """A candidate in words: its network, and what of its recipe is not the usual one."""
    network, recipe = run.get("network", {}), run.get("recipe", {})
    words = ["{num_layers} layers, depth {estimator_depth}, width {width}".format(**network)] if network else []
    words += [f"{network['points']} points"] if network.get("points", 5) != 5 else []
    words += ["reaction"] if network.get("reaction") else []
    words += [f"dilations {', '.join(map(str, network['dilations']))}"] if network.get("dilations") else []
    words += ["all layers share their weights"] if network.get("shared") else []
    usual = {"optimizer": "soap", "loss": "log", "batch_size": 8, "crop": 48}
    words += [f"{key.replace('_', ' ')} {recipe[key]}" for key in usual if recipe.get(key, usual[key]) != usual[key]]
    return "; ".join(words)


def answer(record):
    """The answer of a page in two sentences: the PSNR of the network, and of the best-known methods beside it."""
    name, ours = main_set(record), record["methods"].get(OURS)
    if ours is None:
        return "The network was not measured yet."
    levels = [str(level) for level in record["levels"]]
    seeds = f", the mean of {len(ours['seeds'])} seeds" if len(ours["seeds"]) > 1 else ""
    said = (
        f"One DiffNet with {ours['parameters']:,} parameters reaches {_cell(measured(ours, name), levels)} dB on "
        f"{TITLES.get(name, name)} at σ = {' / '.join(levels)} of 255{seeds}."
    )
    beside = [
        f"{label} {_cell(values, levels)} dB"
        for group in (TRAINED, CLASSICAL)
        for label, method, values in grouped(record, name).get(group, ())
        if method in BESIDE
    ]
    return said + (f" On the same noise: {captions.listed(beside)}." if beside else "")
