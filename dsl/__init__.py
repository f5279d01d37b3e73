"""The pipeline language: documents in, a checked plan out.

Pure Python. Nothing here touches the network, the clock or Temporal, because workflow code
imports it and must replay identically. This package imports nothing by itself: the loader
needs ``yaml``, which workflow code must never load, so import leaf modules.
"""
