"""Accuracy, validators, intervals, the four numbers of a run, and the gap between domains. Importing this imports no torch."""
