"""What `envkit doctor` can be asked to do, one module each."""
