"""What `envkit smoke` can be asked to do."""
