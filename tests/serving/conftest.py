"""The runs and homes of the trainer's tests."""

from tests.tuning.conftest import child, events, home, model_folder, new_run, tune  # noqa: F401
from tests.tuning.test_classify import encoder_folder, new_classifier, texts  # noqa: F401
