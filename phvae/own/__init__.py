"""The user's own parts: named by the user, imported once, checked before anything is registered."""
