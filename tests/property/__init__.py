"""Laws that hold for any input, with hypothesis."""
