"""The training loop, with callbacks, metrics and a history."""

from .callbacks import Callback, CSVLogger, EarlyStopping, LRSchedulerCallback, ModelCheckpoint
from .history import History
from .metrics import accuracy, mae, mse
from .trainer import Trainer

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "History",
    "LRSchedulerCallback",
    "ModelCheckpoint",
    "Trainer",
    "accuracy",
    "mae",
    "mse",
]
