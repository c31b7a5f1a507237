"""One module per figure: a run enters, a matplotlib Figure and the table it shows leave."""
