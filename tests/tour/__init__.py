"""Every page of Purser, in every state that a person may meet: what screenshots, browser tests and benchmarks walk."""
