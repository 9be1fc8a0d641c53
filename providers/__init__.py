"""What each LLM provider's account API says, as frozen records. Pure Python: no Django, no clock, no environment."""
