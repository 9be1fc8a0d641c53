"""A local server that speaks the providers' account APIs over a made-up but consistent history.

For the demo, browser tests and benchmarks. Hosts are told apart by the Host header. The product never imports it to
decide anything: it is reached like any relay.
"""
