"""What a misleading history costs, against the same method without history."""
