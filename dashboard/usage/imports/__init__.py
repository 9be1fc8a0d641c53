"""Import of what a provider's console exported: a CSV file into one account, previewed, tried, brought in, undone.

dialect  bytes -> rows          columns  headers -> what they are         cells, dates  text -> what it says
lines    rows -> records        trial    what a file would do             held          the upload while it waits
"""
