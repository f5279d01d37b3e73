"""The policies of this release, as texts."""
