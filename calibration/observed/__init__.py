"""Published counts of crossings, encounters and pathways enter as tidy tables; monthly series by nationality group leave."""
