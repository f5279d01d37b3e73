"""Commands that show gates and answer them."""
