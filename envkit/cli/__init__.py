"""The command line: one file a command. Options in, one call, rendering out; nothing is decided here."""
