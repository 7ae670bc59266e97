"""A search for the best parameters on scales: from a start to the best neighbour, until none is better.

It meets far fewer combinations than a grid, so the scales can be long, and a choice is seldom at an end of its scale.
"""

import itertools

import numpy as np


def scale(low, high, ratio=2**0.25):
    """Values from `low` to at least `high` in equal ratios, with two digits: a tuple."""
    number = int(np.ceil(np.log(high / low) / np.log(ratio)))
    return tuple(float(f"{low * ratio**k:.2g}") for k in range(number + 1))


def climb(score, scales, start):
    """The best parameters that the search meets.

    Neighbours differ by one place on the scale of a single parameter or, where none of these is better, of several.
    Of a parameter whose values are texts, all values are neighbours.

    Args:
        score: function of the parameters → number, the larger the better.
        scales: parameter → its values in order.
        start: parameter → value; the nearest on the scale is taken.

    Returns:
        (parameters, list of all (parameters, score) in the order in which they were met, names of the parameters whose
        choice is at an end of its scale).
    """
    scales = {name: tuple(values) for name, values in scales.items()}
    met = {}

    def of(place):
        if place not in met:
            met[place] = score(_at(scales, place))
        return met[place]

    place = tuple(_nearest(values, start[name]) for name, values in scales.items())
    of(place)
    while True:
        for most in (1, len(scales)):
            best = max([place, *_neighbours(scales, place, most)], key=of)
            if best != place:
                break
        if best == place:
            tried = [(_at(scales, each), value) for each, value in met.items()]
            return _at(scales, place), tried, _ends(scales, place)
        place = best


def _at(scales, place):
    return {name: values[k] for (name, values), k in zip(scales.items(), place)}


def _nearest(values, wanted):
    if isinstance(wanted, str):
        return values.index(wanted)
    return min(range(len(values)), key=lambda k: abs(values[k] - wanted))


def _neighbours(scales, place, most):
    """The places beside a place that differ in at most so many parameters."""
    axes = []
    for k, values in zip(place, scales.values()):
        whole = range(len(values)) if isinstance(values[0], str) else range(max(0, k - 1), min(len(values), k + 2))
        axes.append(whole)
    for each in itertools.product(*axes):
        if 0 < sum(one != other for one, other in zip(each, place)) <= most:
            yield each


def _ends(scales, place):
    ordered = {name: k for (name, values), k in zip(scales.items(), place) if not isinstance(values[0], str)}
    return [name for name, k in ordered.items() if k in (0, len(scales[name]) - 1) and len(scales[name]) > 1]
