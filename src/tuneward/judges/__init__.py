"""Judges: what says how harmful an answer is."""
