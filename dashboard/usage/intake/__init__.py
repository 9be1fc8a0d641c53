"""Usage that gateways and scripts send in: `rows` says what a row is, `services` lands a batch once, `api` is the door.

Each row is kept as it was sent, under the sender's id of it, and the hours of UsageRecord are sums over the kept rows,
never incremented. So it does not matter how rows are cut into batches, in which order they come, or how often.
"""
