"""All that needs a trained model: codes, reconstructions, samples, log p(x)."""
