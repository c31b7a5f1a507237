"""The commands: what enters is a command line, what leaves is a message, a file and an exit code."""
