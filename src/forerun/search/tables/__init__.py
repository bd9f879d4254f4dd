"""What a score is made of, where it says so: sums of tables, and what can be said of many configurations at once."""
