"""The programs of a review: one watches, one suggests, one judges; their templates lie above."""
