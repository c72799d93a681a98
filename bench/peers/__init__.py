"""Who is measured, and what they are given."""
