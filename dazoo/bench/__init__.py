"""The benchmark: a grid of cells (one recipe, one seed, fixed settings), run anywhere, committed one by one, read as a leaderboard."""
