"""What every activity and every worker does alike."""
