"""What goes beyond the paper: each question with its goal and the check of its records. NumPy only.

The value beside ours is a goal, not the paper's; `python -m diffnet_tf verify` calls the verdicts "holds", "partly" and
"does not hold" here.
"""

from experiments.lib import beyond_operator, beyond_physics, beyond_verdicts
from experiments.lib.claims import Claim


def _run(module: str) -> str:
    return f"python -m experiments.{module} --budget cpu"


CLAIMS: tuple[Claim, ...] = (
    *(
        Claim("The learned operator", text, goal, _run("learned_operator"), check)
        for text, goal, check in (
            ("filters of `forward` follow γ, layer by layer", "r ≥ 0.9", beyond_operator.follows("forward", 1)),
            ("filters of `inverse` follow −γ, layer by layer", "r ≤ −0.9", beyond_operator.follows("inverse", -1)),
            ("every layer of `forward` is a stable step", "ρ(Id + δt S) ≤ 1.001", beyond_operator.stable),
            ("`forward` is symmetric", "≤ 0.1", beyond_operator.symmetric("forward")),
            ("`inverse` is symmetric", "≤ 0.1", beyond_operator.symmetric("inverse")),
            ("the largest row sum of any layer, δt |Σζ|, grows with the noise", "yes", beyond_operator.smoothing),
        )
    ),
    Claim(
        "Locality",
        "Conjecture 2.5 for one linear step: the best local filters, told γ, undo T = 0.4",
        "63.72 dB with 13 points",
        _run("locality"),
        beyond_operator.local_filters,
    ),
    *(
        Claim(
            "Locality",
            f"{words}: 5 points do as well as 13 at equal training",
            "within 0.5 dB",
            _run("locality"),
            beyond_operator.more_points(layers),
        )
        for layers, words in ((5, "five layers"), (1, "one layer"))
    ),
    *(
        Claim("One network for all noise", f"{words} within 0.3 dB of {of}", "all levels", _run("all_noise"), check)
        for words, of, check in (
            ("blind,", "the specialists for each level", beyond_verdicts.one_for_all("blind", "specialist")),
            (
                "conditioned on σ,",
                "the specialists for each level",
                beyond_verdicts.one_for_all("conditioned", "specialist"),
            ),
            ("blind,", "the presets for one level", beyond_verdicts.one_for_all("blind", "preset")),
            ("conditioned on σ,", "the presets for one level", beyond_verdicts.one_for_all("conditioned", "preset")),
        )
    ),
    Claim(
        "One network for all noise",
        "blind, above the U-Net's mean on identical images",
        "> 0 dB",
        _run("all_noise"),
        beyond_verdicts.above_unet("blind"),
    ),
    Claim(
        "One network for all noise",
        "conditioned on σ, above the U-Net's mean on identical images",
        "> 0 dB",
        _run("all_noise"),
        beyond_verdicts.above_unet("conditioned"),
    ),
    Claim(
        "Uncertainty", "the mean of 5 networks against one", "> 0 dB", _run("ensemble"), beyond_verdicts.ensemble_gain
    ),
    Claim(
        "Uncertainty",
        "± 2 spreads of 5 networks cover the error",
        "as a calibrated ensemble",
        _run("ensemble"),
        beyond_verdicts.ensemble_coverage("as_it_is"),
    ),
    Claim(
        "Uncertainty",
        "the same, widened by a factor fitted on validation images",
        "as a calibrated ensemble",
        _run("ensemble"),
        beyond_verdicts.ensemble_coverage("rescaled"),
    ),
    Claim(
        "Uncertainty", "a larger spread is a larger error", "≥ 0.5", _run("ensemble"), beyond_verdicts.ensemble_ranks
    ),
    *(
        Claim("A fair comparison", f"DiffNet − {words}, {task}", "> 0 dB", _run("comparison"), check)
        for noise, task in ((0.0, "no noise"), (0.01, "1 % noise"))
        for words, check in (
            (
                "CNN and ResNet of equal parameters, after equal steps",
                beyond_verdicts.compared(noise, "DiffNet", "ConvNet", "ResNet"),
            ),
            ("U-Net on identical pairs", beyond_verdicts.compared(noise, "DiffNet", "UNet")),
            ("the best classical inverse that is told the diffusion", beyond_verdicts.compared(noise, "long", "told")),
            (
                "the best classical method that is not told the diffusion",
                beyond_verdicts.compared(noise, "long", "untold"),
            ),
        )
    ),
    *(
        Claim("Generalisation", text, goal, _run("generalisation"), check)
        for text, goal, check in (
            *(
                (
                    f"preset {preset} − fixed point, other kinds of pictures",
                    "> 0 dB on each",
                    beyond_physics.ahead(preset),
                )
                for preset in ("inverse", "inverse-0.1pct", "inverse-1pct")
            ),
            ("whole pictures of 512×512 against their crops", "within 1 dB", beyond_physics.large),
            ("trained for λ = 0.2, gain at another λ", "> 0 dB", beyond_physics.other("contrast")),
            ("trained for 4 steps, gain after another number", "> 0 dB", beyond_physics.other("steps")),
        )
    ),
    *(
        Claim("Further physics", text, goal, _run("physics"), check)
        for text, goal, check in (
            (
                "colour: shared filters − a gray network on each channel",
                "> 0 dB",
                beyond_physics.compared("colour-shared", "colour-gray"),
            ),
            (
                "colour: mixing filters − shared filters",
                "> 0 dB",
                beyond_physics.compared("colour-mixing", "colour-shared"),
            ),
            *(
                (
                    f"edge-enhancing diffusion, {problem}: 9 points − 5 points",
                    "> 0 dB",
                    beyond_physics.compared(f"edge-{problem}-9-points", f"edge-{problem}-5-points"),
                )
                for problem in ("forward", "inverse")
            ),
            *(
                (
                    f"longer times, T = {time}: 10 layers − 5 layers",
                    "> 0 dB",
                    beyond_physics.compared(f"time-{time}-10-layers", f"time-{time}-5-layers"),
                )
                for time in (1, 2, 4)
            ),
            ("longer times: ahead of the fixed point", "at every T", beyond_physics.longer("fixed-point")),
            ("longer times: ahead of undoing step by step", "at every T", beyond_physics.longer("stepwise")),
            ("unknown λ, at 0.2, against a network for 0.2", "within 1 dB", beyond_physics.blind("specialist")),
        )
    ),
)
