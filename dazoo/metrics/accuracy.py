"""Accuracy in its forms, from label and prediction indices."""

from __future__ import annotations

import numpy as np

from dazoo.errors import DataError


def accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Share of right predictions, in [0, 1].

    Args:
        labels: (N,) integers.
        predictions: (N,) integers.

    Raises:
        DataError: shapes that differ, or nothing to count.
    """
    labels, predictions = _checked(labels, predictions)
    return float((labels == predictions).mean())


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, num_classes: int) -> np.ndarray:
    """(K, K) int64 counts: row the label, column the prediction.

    Raises:
        DataError: shapes that differ, nothing to count, an index outside 0 to `num_classes` - 1.
    """
    labels, predictions = _checked(labels, predictions)
    low, high = min(labels.min(), predictions.min()), max(labels.max(), predictions.max())
    if low < 0 or high >= num_classes:
        raise DataError(f"Labels and predictions run from {low} to {high}, but there are {num_classes} classes; check the class mapping.")
    return np.bincount(labels * num_classes + predictions, minlength=num_classes**2).reshape(num_classes, num_classes)


def per_class_accuracy(labels: np.ndarray, predictions: np.ndarray, num_classes: int) -> np.ndarray:
    """(K,) share of each class's pictures that are predicted right; NaN for a class without pictures."""
    matrix = confusion_matrix(labels, predictions, num_classes)
    counts = matrix.sum(1)
    return np.divide(matrix.diagonal(), counts, out=np.full(num_classes, np.nan), where=counts > 0)


def balanced_accuracy(labels: np.ndarray, predictions: np.ndarray, num_classes: int) -> float:
    """Mean of `per_class_accuracy` over the classes that have pictures."""
    return float(np.nanmean(per_class_accuracy(labels, predictions, num_classes)))


def _checked(labels: np.ndarray, predictions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.ndim != 1 or labels.shape != predictions.shape:
        raise DataError(f"Labels are {labels.shape} and predictions {predictions.shape}; expected one prediction (N,) a label (N,).")
    if labels.size == 0:
        raise DataError("There is no picture to count; an accuracy of nothing is not a number.")
    return labels.astype(np.int64), predictions.astype(np.int64)
