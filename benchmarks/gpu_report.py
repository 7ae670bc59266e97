"""Goals and table of `benchmarks.gpu`, from its record; does not need a device."""

STEPS = 101_250  # of the paper's protocol
LEAST_DB = 0.05  # that a preset may lose on the device


def goals(record):
    """Compare the goals with the measurements.

    Returns:
        A list of dicts: "what", "goal" (text; empty where there is none), "measured" (text), "n" (text), "met" (bool;
        None where there is no goal, nothing was measured, or there is no GPU to judge).
    """
    rows = [*_presets(record), *_steps(record), *_bounds(record), *_inference(record)]
    if not record.get("on_gpu"):
        rows = [{**row, "met": None} for row in rows]
    return rows


def _row(what, goal, measured, n="", met=None):
    return {"what": what, "goal": goal, "measured": measured, "n": n, "met": met}


def _found(record, name):
    """A measurement by its name: (values or None, the reason if there are none)."""
    found = record.get("measured", {}).get(name)
    if found is None:
        return None, "not run" if name in record.get("names", ()) else None
    return (None, f"not run: {found['not_run']}") if "not_run" in found else (found, None)


def _presets(record):
    found, why = _found(record, "presets")
    goal = f"within {LEAST_DB} dB"
    if found is None:
        return [_row("presets, device against processor", goal, why)] if why else []
    found = {name: row for name, row in found.items() if isinstance(row, dict)}
    rows, n = [], f"{len(found)} presets"
    for mode, against, judged in (
        ("TF32", "cpu float32", True),
        ("float32", "cpu float32", True),
        ("mixed_bfloat16", "cpu mixed_bfloat16", True),
        ("mixed_bfloat16", "cpu float32", False),
    ):
        differences = {name: row[mode] - row[against] for name, row in found.items()}
        worst = max(differences, key=lambda name: abs(differences[name]))
        measured = f"at most {abs(differences[worst]):.4f} dB apart (`{worst}`)"
        met = abs(differences[worst]) <= LEAST_DB if judged else None
        rows.append(
            _row(f"presets in {mode} against {against.upper()[:3]} {against[4:]}", goal * judged, measured, n, met)
        )
    return rows


def _ms(found):
    ms = found["ms"]
    return f"{ms['median']:.2f} ms a step ({ms['min']:.2f}–{ms['max']:.2f})"


def _n(found):
    return f"{found['ms']['n']} × {found['steps']} steps"


# Name of a measurement → (what it is, most ms a step, most minutes of the protocol).
_LIMITS = {
    "DiffNet fit float32": ("DiffNet in `fit`, float32/TF32", 2.5, 4.5),
    "DiffNet scan float32": ("DiffNet in one scan, float32/TF32", None, None),
    "DiffNet fit mixed_bfloat16": ("DiffNet in `fit`, mixed_bfloat16", None, None),
    "DiffNet scan mixed_bfloat16": ("DiffNet in one scan, mixed_bfloat16", None, None),
    "PyTorch eager": ("DiffNet in PyTorch, eager", None, None),
    "PyTorch compiled": ("DiffNet in PyTorch, compiled", None, None),
    "U-Net fit float32": ("U-Net in `fit`, float32/TF32", 5.9, 10.0),
    "U-Net scan float32": ("U-Net in one scan, float32/TF32", None, None),
    "U-Net fit mixed_bfloat16": ("U-Net in `fit`, mixed_bfloat16", None, None),
    "U-Net 48 fit float32": ("U-Net on halved crops in `fit`, float32/TF32", None, None),
    "U-Net 48 fit mixed_bfloat16": ("U-Net on halved crops in `fit`, mixed_bfloat16", None, None),
}


def _steps(record):
    rows = []
    for name, (what, most, minutes) in _LIMITS.items():
        found, why = _found(record, name)
        goal = f"≤ {most} ms" if most else ""
        if found is None:
            rows += [_row(what, goal, why)] if why else []
            continue
        first = f"; first after {found['first_step_s']:.1f} s" if "first_step_s" in found else ""
        median = found["ms"]["median"]
        rows.append(_row(what, goal, _ms(found) + first, _n(found), median <= most if most else None))
        if minutes:
            took = (found["first_step_s"] + STEPS * median / 1000) / 60
            what = f"{what}: {STEPS:,} steps, calculated"
            rows.append(_row(what, f"≤ {minutes} min", f"{took:.1f} min", "", took <= minutes))
    return rows


def _bounds(record):
    """Compare `fit` with the scan, and both with the time of the memory traffic alone."""
    rows = []
    copies, _ = _found(record, "copies")
    if copies:
        rate = copies["bytes_per_second"]
        measured = f"{rate['median'] / 1e9:,.1f} GB/s ({rate['min'] / 1e9:,.1f}–{rate['max'] / 1e9:,.1f})"
        rows.append(_row("bandwidth of a copy", "", measured, str(rate["n"])))
    for dtype in ("float32", "mixed_bfloat16"):
        fit, scan = (_found(record, f"DiffNet {where} {dtype}")[0] for where in ("fit", "scan"))
        if fit and scan:
            ratio = fit["ms"]["median"] / scan["ms"]["median"]
            rows.append(_row(f"DiffNet, `fit` / scan, {dtype}", "≤ 1.15", f"{ratio:.2f}", "", ratio <= 1.15))
        for where, found in (("`fit`", fit), ("scan", scan)):
            if found and copies and "step_bytes" in record:
                least = 1000 * record["step_bytes"][dtype] / copies["bytes_per_second"]["median"]
                measured = f"{least:.2f} ms are {100 * least / found['ms']['median']:.0f} % of a step"
                rows.append(_row(f"DiffNet in {where}, {dtype}: memory traffic alone", "", measured))
    return rows


def _inference(record):
    rows = []
    for dtype in ("float32", "mixed_bfloat16"):
        found, why = _found(record, f"inference {dtype}")
        if found is None:
            rows += [_row(f"inference, {dtype}", "", why)] if why else []
            continue
        for size, rate in found["images_per_second"].items():
            measured = f"{rate['median']:,.1f} images/s ({rate['min']:,.1f}–{rate['max']:,.1f})"
            rows.append(_row(f"inference, {size}, {dtype}", "", measured, str(rate["n"])))
    return rows


def brief(found):
    """One measurement on one line."""
    if "not_run" in found:
        return f"not run: {found['not_run']}"
    if "ms" in found:
        return f"{_ms(found)}, {_n(found)}"
    return f"done in {found['wall_seconds']} s"


def table(record):
    """A Markdown table of goals and measurements, and the PSNRs of every preset."""
    lines = [f"{record.get('device', '')}, commit {record.get('commit', '')}", ""]
    presets, _ = _found(record, "presets")
    if presets:
        rows = {name: row for name, row in presets.items() if isinstance(row, dict)}
        columns = list(next(iter(rows.values())))
        lines += [f"| preset | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        for name, row in rows.items():
            values = (f"{row[key]:.3f}" if key != "n" else str(row[key]) for key in columns)
            lines.append(f"| {name} | {' | '.join(values)} |")
        lines.append("")
    lines += ["| what | goal | measured | n | met |", "|---|---|---|---|---|"]
    for row in record.get("goals", ()):
        met = {True: "yes", False: "no", None: ""}[row["met"]]
        lines.append(f"| {row['what']} | {row['goal']} | {row['measured']} | {row['n']} | {met} |")
    if not record.get("on_gpu"):
        lines.append("\nNo GPU: nothing is judged.")
    return "\n".join(lines)
