"""One agent stage from BOOTSTRAP to EXIT: its phases in order, and every way out of them."""
