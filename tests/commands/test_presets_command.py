"""The list of presets, and their cards."""

import json

import pytest

import diffnet_tf as dn
from diffnet_tf.__main__ import main
from diffnet_tf.base import choices
from diffnet_tf.networks import presets


def printed(capsys, *arguments):
    assert main(["presets", *arguments]) == 0
    return capsys.readouterr().out


def test_every_preset_has_a_line_with_what_it_reaches(capsys):
    lines = {line.split()[0]: line for line in printed(capsys).splitlines() if line}
    for name in presets.list_presets():
        quality = presets.card(name)["quality"]
        assert lines[name].endswith(f"{quality['input']['mean']:.1f} → {quality['output']['mean']:.1f} dB")


def test_a_card_is_shown_whole(capsys):
    card = presets.card("inverse-1pct")
    assert json.loads(printed(capsys, "inverse-1pct", "--json")) == card
    assert json.loads(printed(capsys, "--json")).keys() == set(presets.list_presets())
    text = " ".join(printed(capsys, "inverse-1pct").split())
    assert card["limits"] in text and card["sha256"] in text and "contrast: 0.2" in text


def test_the_card_of_a_folder_is_shown(capsys, tmp_path):
    given = {"description": "It sharpens.", "author": "Ada", "license": "mit", "data": "Cells.", "limits": "Dust."}
    dn.save_to_preset(dn.models.DiffNet(1, 1, 2), tmp_path / "mine", given)
    assert json.loads(printed(capsys, str(tmp_path / "mine"), "--json")) == presets.card(tmp_path / "mine")
    assert "author: Ada\n" in printed(capsys, str(tmp_path / "mine"))


def test_a_misspelt_name_names_the_nearest(capsys):
    assert main(["presets", "invers"]) == 2
    assert "Did you mean 'inverse'?" in capsys.readouterr().err


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0 and capsys.readouterr().out == f"diffnet_tf {dn.__version__}\n"


def test_the_named_choices_are_those_that_there_are():
    from diffnet_tf.data import sources

    assert set(choices.SOURCES) == sources.READERS.keys()
    assert list(choices.PRESETS) == presets.list_presets()
