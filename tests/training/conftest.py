"""What tests of runs that go on share."""

import pytest

from diffnet_tf.training import fitting


@pytest.fixture
def untrained(monkeypatch):
    """A run that saves its first checkpoint in the place of training: what is tested comes before that."""

    def save(model, run, *arguments, **options):
        run.set_model(model)
        run.step, run._saved = max(run.step, 1), -1
        run._save()

    monkeypatch.setattr(fitting, "_fit", save)
