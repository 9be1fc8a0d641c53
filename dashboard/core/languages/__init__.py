"""The languages of the pages: what is to be translated, the catalogs that hold it, and sentences that were stored."""
