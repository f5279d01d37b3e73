"""Gates that no plan names: what agents ask at work, and how their plans are clarified."""
