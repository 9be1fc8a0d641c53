"""Changes of keys at their providers: written down, sent once, looked for when the answer is lost."""
