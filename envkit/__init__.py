"""Set up a PyTorch environment that fits the machine, and name the root cause when one breaks."""

__version__ = "0.1.0"
