"""One module a provider; the list of files here is the list of supported providers."""
