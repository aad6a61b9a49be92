"""The reference implementation of the cloister specification: one module for each chapter."""

__version__ = "0.1.0"
