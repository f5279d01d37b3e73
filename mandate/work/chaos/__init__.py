"""Chaos experiments: made, searched for, collected, judged and told of."""
