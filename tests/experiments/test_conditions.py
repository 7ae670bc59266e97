"""Under whose conditions: five marks, each computed from records alone; and which trainings may be compared."""

import copy

import pytest

from experiments.lib import conditions
from experiments.lib.options import STL10_REAL, STL10_SHAPE
from tests.experiments.fakes import FAST, PAPERS

STL10 = {"sha256": "a" * 64, "shape": STL10_SHAPE, "holds_stl10_real": True}


def paper(seed=0, **changes):
    """The record of a training as the paper's."""
    sets = {"training": {**STL10, "split": "train"}, "test": {**STL10, "split": "test", "count": 10_000}}
    record = {"problem": "inverse", "noise": 0.0, "recipe": dict(PAPERS), "steps": 101_250, "parameters": 101_310}
    return {**record, "training_images": 90_000, "seed": seed, "image_sets": sets, **changes}


def marks(*trainings):
    return [bool(mark) for mark in conditions.of(trainings).marks().values()]


def test_the_papers_own_trainings_earn_all_marks():
    found = conditions.of([paper(seed) for seed in range(3)])
    assert str(found) == "5 of 5: network, protocol, training images, test images (10,000 of 10,000), 3 seeds"


def of_images(**changes):
    record = paper()
    sets = copy.deepcopy(record["image_sets"])
    for kind, values in changes.items():
        sets[kind] |= values
    return {"image_sets": sets}


@pytest.mark.parametrize(
    ("lost", "changes"),
    [
        (0, {"parameters": 101_309}),
        (1, {"steps": 101_249}),
        (1, {"recipe": PAPERS | {"crop": 48}}),
        (1, {"recipe": PAPERS | {"batch_size": 8}}),
        (1, {"recipe": PAPERS | {"augment": True}}),
        (1, {"recipe": PAPERS | {"optimizer": "soap"}}),
        (1, {"recipe": PAPERS | {"loss": "log"}}),
        (2, {"training_images": 3_600}),
        (2, of_images(training={"shape": [4_000, 96, 96]})),
        (3, of_images(test={"shape": [123, 96, 96]})),
        (3, of_images(test={"split": "all"})),
        (3, of_images(test={"count": 8})),
        (3, of_images(test={"holds_stl10_real": False})),  # as many images, but others
        (2, of_images(training={"holds_stl10_real": None})),
    ],
)
def test_each_mark_is_lost_by_what_it_is_for(lost, changes):
    expected = [number != lost for number in range(5)]
    assert marks(*(paper(seed, **changes) for seed in range(3))) == expected
    assert marks(*(paper(seed, **(changes if seed == 1 else {})) for seed in range(3)))[lost] is False  # or by one


def test_the_mark_for_seeds_needs_three_of_every_network():
    assert marks(paper(0), paper(1))[4] is False and marks(*[paper(0)] * 3)[4] is False
    unet = [paper(seed, network="UNet", parameters=34_512_705) for seed in range(3)]
    diffnet = [paper(seed) for seed in range(3)]
    assert marks(*diffnet, *unet) == [True] * 5 and conditions.of([*diffnet, *unet[:2]]).seeds == 2
    assert conditions.of([paper(seed, noise=noise) for seed, noise in ((0, 0.0), (1, 0.001), (2, 0.01))]).seeds == 1


def test_real_images_of_stl10_count_as_some_of_its_test_images():
    test = of_images(test={"sha256": STL10_REAL, "shape": [123, 96, 96], "split": "all", "count": 123})
    assert conditions.of([paper(**test)]).tested == "123 of 10,000" and marks(paper(**test))[3]
    test["image_sets"]["test"]["count"] = 8  # of a smoke run
    assert conditions.of([paper(**test)]).tested == "8 of 10,000" and not marks(paper(**test))[3]


def test_the_authors_loss_counts_and_their_disks_do_not():
    assert marks(paper(recipe=PAPERS | {"loss": "norm"}))[1]
    disks = paper(problem="deconvolution", parameters=60_786, steps=64_000)
    assert marks(disks)[:3] == [True, True, False]


def test_a_claim_on_no_training_has_no_marks():
    assert str(conditions.of([])) == "" and conditions.of([]).marks() == {}


def test_like_with_like():
    """Equal steps of equal batches; as many pixels; or the longest of each, if both are long or were stopped early."""
    one, same = paper(recipe=FAST, steps=9_000), paper(recipe=FAST | {"optimizer": "adam"}, steps=9_000)
    assert conditions.alike([one], [same]) == (True, "both trained for 9,000 × 8 × 24², SOAP against Adam")
    other = paper(recipe=FAST, steps=9_001)
    assert conditions.alike([one], [other])[0] is False and conditions.alike([one], [paper()])[0] is False
    large = paper(recipe=FAST | {"crop": 48}, steps=2_250)
    assert conditions.alike([one], [large]) == (
        True,
        "equal numbers of pixels: 9,000 × 8 × 24² against 2,250 × 8 × 48²",
    )
    long = paper(recipe=FAST, steps=72_000)
    fair, words = conditions.alike([long], [paper()])
    assert fair and words == "longest training of each: 72,000 × 8 × 24² against 101,250 × 16 × 96², SOAP against Adam"
    pixels = 0.02 * 101_250 * 16 * 96**2
    for steps, expected in ((pixels // (8 * 24**2) + 1, True), (pixels // (8 * 24**2) - 1, False)):
        assert conditions.alike([paper(recipe=FAST, steps=int(steps))], [paper()])[0] is expected
    stopped = other | {"stopped_early": True}
    assert conditions.alike([stopped], [paper()])[0] and not conditions.alike([stopped], [one])[0]


def test_a_comparison_says_who_was_trained_in_tf32():
    narrow = paper(numerics={"float32_in_training": "TF32"})
    wide = paper(numerics={"float32_in_training": "float32"})
    found = [conditions.alike(*sides)[1] for sides in (([wide], [narrow]), ([narrow], [wide]), ([narrow], [narrow]))]
    both = "both trained for 101,250 × 16 × 96²"
    assert found == [f"{both}, the second in TF32", f"{both}, the first in TF32", f"{both}, both in TF32"]


def test_trainings_are_tested_alike():
    """By content, split and number of images; where these are not recorded, by name."""
    one = paper()
    for other in ({"sha256": "b" * 64}, {"count": 9}, {"split": "all"}):
        assert not conditions.tested_alike([one, one, paper(**of_images(test=other))])
    assert conditions.tested_alike([one, paper(1)])
    named = [{"test_data": "here"}, {"test_data": "there"}]
    assert conditions.tested_alike(named[:1] * 2) and not conditions.tested_alike(named)


def test_a_training_that_was_stopped_early_counts_by_what_it_was_given():
    assert not conditions.short([paper(recipe=FAST, steps=900, given_steps=7_000)])


def test_what_is_too_short():
    for steps, expected in ((7_000, False), (6_999, True)):
        assert conditions.short([paper(), paper(recipe=FAST, steps=steps)]) is expected
