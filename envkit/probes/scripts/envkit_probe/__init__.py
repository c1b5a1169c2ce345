"""What `probe.py` beside it tells of a foreign interpreter, a module for each kind of fact.

Standard library only, Python 3.6 and later; the syntax stays within what Python 2.7 can parse, so that an
interpreter that is too old is still told by its version instead of a SyntaxError.
"""
