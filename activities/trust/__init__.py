"""Changes of an agent's trust: made known, raised, lowered, bound anew, and the evidence."""
