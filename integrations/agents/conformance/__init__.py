"""Does a program keep the contract of agents? Asked of anybody's program, in the real sandbox."""
