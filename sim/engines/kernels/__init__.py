"""Compiled kernels (numba only): arrays enter, counts leave. Nothing here knows names, dates or files.

How they are compiled is in :mod:`sim.engines.kernels.build`, where they are kept in :mod:`sim.engines.kernels.keep`.
"""
