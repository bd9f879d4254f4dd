"""Search by a policy that learns which choices score well: REINFORCE."""
