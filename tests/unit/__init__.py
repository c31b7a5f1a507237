"""One module at a time, against answers worked out by hand."""
