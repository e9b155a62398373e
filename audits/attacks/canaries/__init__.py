"""Make canaries (invented persons), and test whether a release reveals which of them its generator saw."""
