"""The audit of the scores: constructed cases whose truth is known, what each score must say of them, what it says."""
