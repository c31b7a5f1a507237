"""The page, part by part: words and choices enter, components and their callbacks leave."""
