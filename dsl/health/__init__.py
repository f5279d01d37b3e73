"""What a site says of how outside systems are watched."""
