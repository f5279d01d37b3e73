"""The checks of ``mandate doctor``: one module for the machine, one for the servers."""
