"""Data in and out: others' tables enter and become scenarios; runs leave in others' formats."""
