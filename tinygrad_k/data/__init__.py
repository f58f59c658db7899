"""Datasets, samplers, batches, splits and readers."""

from .collate import collate
from .dataset import ConcatDataset, Dataset, StackDataset, Subset, TensorDataset
from .loader import DataLoader
from .readers import load_digits, load_mnist, read_idx
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from .split import random_split, train_val_test_split

__all__ = [
    "BatchSampler",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "collate",
    "load_digits",
    "load_mnist",
    "random_split",
    "read_idx",
    "train_val_test_split",
]
