"""What an agent at work calls: handed to its workflow, and answered beside its program."""
