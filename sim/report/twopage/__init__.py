"""The two-page brief: a run and a country enter, one content model leaves, rendered to HTML and PDF."""
