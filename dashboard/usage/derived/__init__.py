"""What one kind of figure says about the other: spend from falls of a balance, a balance from costs."""
