"""Carrying a plan out: the one room that changes the machine, step by step, and cleans up after itself."""
