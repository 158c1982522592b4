"""Reads finished cells: rows, ranks, comparisons and the report."""
