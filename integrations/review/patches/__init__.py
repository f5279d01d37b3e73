"""Patches for what a review suggests: made where that is sure, and tried in a copy."""
