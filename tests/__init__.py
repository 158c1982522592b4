"""The tests, a package of their own: some distributions install another one of this name."""
