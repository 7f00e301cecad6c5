"""MongoDB: the only package that names its driver."""
