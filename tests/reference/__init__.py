"""Slow, obvious twins of the kernels; imported by the property tests."""
