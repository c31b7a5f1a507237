"""Benchmarks: ratios against peers and yardsticks measured in the same run, never absolute claims."""
