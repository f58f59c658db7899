"""Datasets, batches, splits and readers."""

from .collate import collate
from .dataset import Dataset, Subset, TensorDataset
from .loader import DataLoader
from .readers import load_digits, load_mnist, read_idx
from .split import random_split, train_val_test_split

__all__ = [
    "DataLoader",
    "Dataset",
    "Subset",
    "TensorDataset",
    "collate",
    "load_digits",
    "load_mnist",
    "random_split",
    "read_idx",
    "train_val_test_split",
]
