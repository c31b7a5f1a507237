"""Tiny networks with closed-form answers, one file per phenomenon."""
