"""What `envkit create` does, one module for each thing that it can be asked to do."""
