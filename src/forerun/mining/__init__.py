"""What the runs of programs that we did not write mean; nothing in here knows where they were read."""
