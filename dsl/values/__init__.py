"""Values whose form must be the same everywhere: canonical JSON, durations, sizes."""
