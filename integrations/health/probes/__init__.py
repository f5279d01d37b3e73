"""What is looked at to tell whether all is well: one module for each kind of thing.

Workers, ``mandate health`` and ``mandate doctor`` look through the same ones.
"""
