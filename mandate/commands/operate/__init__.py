"""Servers and workers, and whether they are fit."""
