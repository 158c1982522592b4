"""Figures: accuracy and its intervals, the four numbers, label-free scores, the gap between domains."""
