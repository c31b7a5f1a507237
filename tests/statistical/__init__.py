"""Random results against their expectation: fixed seeds and a stated false-alarm rate."""
