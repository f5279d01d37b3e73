"""Whose proof is it, and is it good? Found out without trusting a workflow."""
