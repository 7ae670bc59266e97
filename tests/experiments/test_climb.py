"""The search for parameters on scales."""

import pytest

from experiments.lib.climb import climb, scale


def test_a_scale_has_equal_ratios_and_reaches_its_end():
    values = scale(0.1, 10, 2)
    assert values == (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 13.0)


def test_the_best_place_is_found_and_each_place_is_tried_once():
    seen = []

    def score(at):
        seen.append(at)
        return -((at["x"] - 5) ** 2) - (at["y"] - 2) ** 2

    best, tried, ends = climb(score, {"x": range(10), "y": range(10)}, {"x": 0.4, "y": 9})
    assert best == {"x": 5, "y": 2} and ends == []
    assert [each for each, _ in tried] == seen and len({tuple(each.items()) for each in seen}) == len(seen) < 60
    assert dict(tried[0][0]) == {"x": 0, "y": 9}
    assert max(value for _, value in tried) == 0


def test_a_narrow_ridge_is_climbed_along_its_diagonal():
    best, *_ = climb(
        lambda at: at["x"] + at["y"] - 9 * abs(at["x"] - at["y"]), {"x": range(5), "y": range(5)}, {"x": 0, "y": 0}
    )
    assert best == {"x": 4, "y": 4}


def test_a_choice_at_an_end_is_named():
    best, _, ends = climb(
        lambda at: at["x"] - at["y"], {"x": range(5), "y": range(5), "z": (7,)}, {"x": 2, "y": 2, "z": 7}
    )
    assert best == {"x": 4, "y": 0, "z": 7} and ends == ["x", "y"]


def test_all_texts_are_neighbours():
    values = {"a": 1, "b": 0, "c": -1, "d": 2}
    best, _, ends = climb(lambda at: values[at["name"]], {"name": tuple(values)}, {"name": "a"})
    assert best == {"name": "d"} and ends == []
    with pytest.raises(ValueError):
        climb(lambda at: 0, {"name": ("a", "b")}, {"name": "e"})
