"""What is made of anomalies: their names, their order, and what is decided about them."""
