"""What every workflow needs of the engine: failures, cancellation, children, what people see."""
