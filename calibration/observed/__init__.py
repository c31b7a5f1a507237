"""Published counts of crossings and encounters enter as tables; monthly series by nationality group leave."""
