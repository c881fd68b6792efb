"""The method: levels, posterior, divergences, likelihoods, networks."""
