"""The terminal, one file for each kind of result: the verdict first, then the cause and its fix, then the facts."""
