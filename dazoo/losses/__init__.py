"""Losses and what they are made of, for the methods, GANs and bridges of any plugin; docs/losses.md lists all of them.

Functions take tensors and keep no state. Most give a scalar that is to be minimised; the others give a value for each sample
(`entropy`), weights, labels, class frequencies or images. What does keep state is a module with buffers, saved with the weights:
`RunningShares`, `BalancedLabels` and `RandomizedMap`. Every loss is computed in float32 or better, whatever autocast does around it.
"""
