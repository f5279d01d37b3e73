"""The expressions of conditions and of ``${{ … }}``: a subset of CEL.

An expression decides which way a pipeline goes, so it is total: it ends within a step
budget, sees nothing but the values it is given, and a name it does not know is an error,
never null. ``parser.parse`` and ``interpolate.resolve`` are the doors.
"""
