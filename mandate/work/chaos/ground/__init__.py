"""What an experiment is made on: its stack, its runs, and the faults that can be done to them."""
