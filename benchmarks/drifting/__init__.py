"""Histories whose optimum moves half-way, and what forgetting brings in them."""
