"""Tests, by kind: one folder per kind, and the folder gives the marker."""
