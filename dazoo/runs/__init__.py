"""A thing that trains: from a plan to a model with its numbers."""
