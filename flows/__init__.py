"""The pipeline's steps as Prefect flows, chained, scheduled, deployed; nothing is computed here."""
