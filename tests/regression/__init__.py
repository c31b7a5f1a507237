"""Recorded results that must not move without a 'Results change' entry in CHANGELOG.md."""
