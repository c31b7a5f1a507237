"""Tests of the local web app."""
