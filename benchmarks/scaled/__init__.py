"""How meta-learners scale: measured in processes of their own, drawn as a figure."""
