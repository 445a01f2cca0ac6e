"""Checkpoints on disk as tensors by name: read in bounded parts, paired with a base, written whole or not at all."""
